// The tasks of a loop in another order: those that cost most are begun first.
#pragma once

#include <concepts>
#include <cstddef>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include "fanout/core/backend.hpp"
#include "fanout/core/delayed.hpp"
#include "fanout/core/light_standard.hpp"
#include "fanout/core/misuse.hpp"
#include "fanout/core/portable_tasks.hpp"
#include "fanout/front/any_backend.hpp"
#include "fanout/front/around_job.hpp"
#include "fanout/front/indexed_input.hpp"
#include "fanout/front/portable_call.hpp"

namespace fanout::detail {

template <class T>
concept can_be_ranked = requires(const std::decay_t<T>& a, const std::decay_t<T>& b) { static_cast<bool>(a < b); };

template <class F, class... Rs>
concept loop_is_callable =
    (std::ranges::input_range<Rs> && ...) && callable<const F&, std::ranges::range_reference_t<Rs>...>;

/// Whether `a` is to come before `b`. What is not a number costs nothing: it must not upset the order of the rest.
template <class T>
bool costs_more(const T& a, const T& b) {
    if constexpr (std::floating_point<T>) {
        if (a != a) return false;
        if (b != b) return true;
    }
    return static_cast<bool>(b < a);
}

/// The indices of the costs, the greatest first, equal ones as they stand. By merging: <algorithm> would cost everybody
/// who includes fanout more than this.
template <class T>
std::vector<std::size_t> greatest_first(const std::vector<T>& costs) {
    const std::size_t size = costs.size();
    std::vector<std::size_t> order(size), merged(size);
    for (std::size_t i = 0; i < size; ++i) order[i] = i;
    for (std::size_t run = 1; run < size; run *= 2) {
        for (std::size_t first = 0; first < size; first += 2 * run) {
            const std::size_t middle = size - first < run ? size : first + run;
            const std::size_t end = size - middle < run ? size : middle + run;
            std::size_t left = first, right = middle;
            for (std::size_t to = first; to < end; ++to) {
                const bool from_right =
                    left == middle || (right < end && costs_more(costs[order[right]], costs[order[left]]));
                merged[to] = order[from_right ? right++ : left++];
            }
        }
        order.swap(merged);
    }
    return order;
}

template <class Cost, class... Rs>
auto order_by_cost(const Cost& cost, Rs&... ranges) {
    using cost_type = std::decay_t<std::invoke_result_t<const Cost&, std::ranges::range_reference_t<Rs>...>>;
    const std::size_t size = shortest_of(ranges...);
    const indexed_input<Rs...> input(size, ranges...);
    std::vector<cost_type> costs;
    costs.reserve(size);
    for (std::size_t i = 0; i < size; ++i)
        costs.push_back(input.apply(i, [&](auto&&... each) -> cost_type {
            return call_function(cost, std::forward<decltype(each)>(each)...);
        }));
    return greatest_first(costs);
}

/// The job as backends see it: what they call task `i` is task `order[i]`. Only failures go by their position in
/// the input, here and everywhere.
template <class Job>
class reordered final : public around_job<Job>, portable_tasks {
public:
    reordered(Job& work, const std::vector<std::size_t>& order) : around_job<Job>(work), order_(order) {}

    void run(task_range tasks, int worker) noexcept override {
        for (std::size_t i = tasks.first; i < tasks.last && !this->stopping(); ++i)
            this->inner().run({index_of(i), index_of(i) + 1}, worker);
    }
    portable_tasks* portable() noexcept override { return this->inner().portable() ? this : nullptr; }

private:
    portable_tasks& tasks() const noexcept { return *this->inner().portable(); }

    std::size_t index_of(std::size_t task) const noexcept override { return order_[task]; }
    std::size_t flat_result_size() const noexcept override { return tasks().flat_result_size(); }
    void run_task(const site& at, byte_sink& result) override {
        site there = at;
        there.index = index_of(at.index);
        tasks().run_task(there, result);
    }
    void write_exception(byte_sink& to) noexcept(false) override { tasks().write_exception(to); }
    void write_elements(std::size_t task, byte_sink& to) override { tasks().write_elements(index_of(task), to); }
    void store_written(std::size_t task, byte_source& result) override {
        tasks().store_written(index_of(task), result);
    }
    void store_flat(std::size_t first, std::size_t count, const void* results) noexcept override {
        const std::size_t size = tasks().flat_result_size();
        for (std::size_t i = 0; i < count; ++i)
            tasks().store_flat(index_of(first + i), 1, static_cast<const char*>(results) + i * size);
    }
    void store_exception(failure known, byte_source& exception) override {
        tasks().store_exception(std::move(known), exception);
    }
    [[noreturn]] void rethrow(byte_source& exception) override {
        tasks().rethrow(exception);
        __builtin_unreachable();
    }
    void store_failure(failure why) noexcept override { tasks().store_failure(std::move(why)); }
    bool collects_failures() const noexcept override { return tasks().collects_failures(); }

    const std::vector<std::size_t>& order_;
};

/// Where its tasks run is known when it is for the backend that is inside.
template <class Runner>
struct as_far_away_as {
    static constexpr bool leaves_the_process = fanout::detail::leaves_the_process<Runner>;
    const Runner& runner;
};
template <chosen_at_run_time Runner>
struct as_far_away_as<Runner> {
    bool leaves_the_process() const { return runner.leaves_the_process(); }
    const Runner& runner;
};

/// A backend that hands tasks out in this order.
template <class Runner>
struct in_order_of_cost : as_far_away_as<Runner> {
    const std::vector<std::size_t>& order;

    void run(job& work, int n_jobs) const {
        reordered<job> permuted(work, order);
        this->runner.run(static_cast<job&>(permuted), n_jobs);
    }
};

/// Calls `run(backend)` with one that hands the tasks out in the order of their cost.
template <class Runner, class F, class Cost, class Run, class... Rs>
auto run_longest_first(const Runner& runner, const delayed_longest_first<F, Cost>& what, const Run& run,
                       Rs&... ranges) {
    if constexpr (!loop_is_callable<F, Rs...>) {
        return run(runner);  // which says what is wrong
    } else if constexpr (!indexable<Rs...>) {
        static_assert(
            indexable<Rs...>,
            "fanout: longest_first looks at all elements before the first task runs, so the range must have a "
            "size and be reached by index; put the elements into a std::vector first");
        return misuse();
    } else if constexpr (!std::is_invocable_v<const Cost&, std::ranges::range_reference_t<Rs>...>) {
        static_assert(std::is_invocable_v<const Cost&, std::ranges::range_reference_t<Rs>...>,
                      "fanout: longest_first: the cost function cannot be called, as const, with the elements of the "
                      "range(s), one argument for each range");
        return misuse();
    } else if constexpr (!can_be_ranked<std::invoke_result_t<const Cost&, std::ranges::range_reference_t<Rs>...>>) {
        static_assert(can_be_ranked<std::invoke_result_t<const Cost&, std::ranges::range_reference_t<Rs>...>>,
                      "fanout: longest_first: what the cost function gives must be comparable with <, as a number is");
        return misuse();
    } else if constexpr (leaves_the_machine<Runner>) {
        throw std::invalid_argument(
            "fanout: tcp does not run the longest tasks first; sort the elements, those that take longest first, and "
            "have them sent one by one: parallel({.n_jobs = n, .batch_size = 1}, tcp{})(delayed(f), sorted)");
        return run(runner);
    } else {
        const auto order = order_by_cost(what.cost(), ranges...);
        return run(in_order_of_cost<Runner>{{runner}, order});
    }
}

}  // namespace fanout::detail
