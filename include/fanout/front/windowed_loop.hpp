// A loop whose results are taken while it runs, and never wait in great number: what streams and reductions stand on.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "fanout/core/clock.hpp"
#include "fanout/core/concat.hpp"
#include "fanout/core/delayed.hpp"
#include "fanout/core/exchanged.hpp"
#include "fanout/core/failure.hpp"
#include "fanout/core/light_standard.hpp"
#include "fanout/core/lock.hpp"
#include "fanout/core/outcome.hpp"
#include "fanout/front/call.hpp"
#include "fanout/front/in_force.hpp"
#include "fanout/front/loop.hpp"
#include "fanout/front/result_window.hpp"

namespace fanout {

/// A result with the position of its task in the input: `for (auto [index, value] :
/// parallel(4).stream_unordered(...))`.
template <class T>
struct indexed {
    std::size_t index;
    T value;
};

namespace detail {

enum class taken {
    in_order,          // a task that fails ends the loop behind it: those before it are run
    as_they_finish,    // it ends the loop at once
    up_to_first_true,  // in order; a task that gives true ends the loop behind it too
};

template <class... Rs>
struct windowed_input_for : std::type_identity<read_once_input<Rs...>> {};
template <class... Rs>
    requires(reached_by_index<Rs> && ...)
struct windowed_input_for<Rs...> : std::type_identity<indexed_input<Rs...>> {};

/// Refers to the function and the ranges, which outlive the loop. Whoever takes results is told of them by
/// `results_have_come`, or waits for them.
template <taken Taken, class F, class... Rs>
class windowed_loop : public call<loop_takes_token<F, Rs...>> {
    using base = call<loop_takes_token<F, Rs...>>;

protected:
    using raw_result = task_result<const F&, std::ranges::range_reference_t<Rs>...>;
    using result = kept_result<raw_result>;
    static constexpr bool collects = false;
    static constexpr bool in_order = Taken != taken::as_they_finish;
    static constexpr bool by_index = (reached_by_index<Rs> && ...);
    using input_type = typename windowed_input_for<Rs...>::type;
    using references = std::tuple<std::ranges::range_reference_t<Rs>...>;

public:
    using value_type = std::conditional_t<in_order, result, indexed<result>>;
    using window_type = result_window<value_type, in_order>;

    /// `shows_size`: the backend may be told how many tasks there are, since it claims no more than it is about to run.
    windowed_loop(const call_plan& plan, bool shows_size, bool on_demand, const F& f, Rs&... ranges)
        : base(plan, shows_size ? size_of(ranges...) : std::nullopt, size_of(ranges...)),
          function_(f),
          input_(made_from<input_type>(ranges...)),
          window_({.n_jobs = static_cast<std::size_t>(plan.n_jobs),
                   .tasks = tasks_ahead(plan.wishes),
                   .fixed_chunks = plan.wishes.batch_size.has_value(),
                   .on_demand = on_demand}) {}

    task_range claim(std::size_t most) noexcept override {
        const auto ending = [this] { return this->stopping() || is_closed(); };
        const lock_guard claiming(claims_);  // until the chunk is there: chunks stand in the order of their tasks
        task_range tasks;
        try {
            most = window_.wait_for_room(most, ending);
            if (most == 0) return {};
            tasks = claim_from_input(most, ending);
            if (tasks) window_.add(tasks);
            return tasks;
        } catch (...) {
            close_with_failure(tasks ? tasks.first : claimed(), std::current_exception());
            return {};
        }
    }

    std::size_t unclaimed() const noexcept override {
        if constexpr (by_index)
            return input_.unclaimed();
        else
            return input_.has_ended() ? 0 : static_cast<std::size_t>(-1);
    }

    void run(task_range tasks, int worker) noexcept override {
        if (!tasks) return;
        const settings_on_loan as_in_the_caller(this->settings_of_caller());  // for what follows the tasks
        auto& chunk = window_.chunk_of(tasks);
        // A part of the chunk that is run behind all before it goes on where they have ended.
        const bool follows = chunk.filled.load(std::memory_order_acquire) == tasks.first - chunk.tasks.first;
        const auto began = clock::now();
        {
            auto&& elements = input_.elements(tasks);
            this->run_each(
                tasks, worker,
                [&](std::size_t i, const auto& call_with) {
                    if (i > closed_behind_.load(std::memory_order_relaxed)) return;
                    keep(chunk, i, [&] {
                        // Decayed in here: the result may refer to an element that lives only for this call.
                        return elements.apply(i, [&](auto&&... each) -> std::decay_t<raw_result> {
                            return call_with(function_, std::forward<decltype(each)>(each)...);
                        });
                    });
                    if (follows) window_.note_filled(chunk, i);
                },
                [&](std::size_t i) { failed(i); });
        }
        const nanoseconds took = clock::now() - began;
        window_.finish(chunk, tasks.size(), took / static_cast<double>(tasks.size()));
        results_have_come();
    }

    void wake_claimers() noexcept override {
        window_.wake();
        if constexpr (!by_index) input_.wake();
    }

protected:
    /// Somebody has finished tasks. Called by those who run, also by several at once.
    virtual void results_have_come() noexcept {}

    // --- for a loop whose tasks run in other processes -------------------------------------------------------------

    template <class Make>
    void keep(std::size_t index, const Make& make) {
        keep(window_.chunk_of({index, index + 1}), index, make);
    }

    void store_failure_of(failure why) noexcept {
        const std::size_t index = why.index;
        if constexpr (in_order)
            close_with_failure(index, std::move(why.exception));
        else
            this->end_with_failure(index, std::move(why.exception));
    }

    void note_stored(std::size_t index) noexcept {
        if constexpr (!by_index) input_.let_go(index);
        this->count_finished(1);
        const auto now = clock::now();
        const nanoseconds since_last = now - exchanged(last_stored_, now);
        window_.finish(window_.chunk_of({index, index + 1}), 1, since_last * this->n_jobs());
        results_have_come();
    }

    // ---------------------------------------------------------------------------------------------------------------

    /// After the end, if nothing has ended it early: a backend that forgets tasks must not go unnoticed.
    void require_all_done() const {
        this->require_finished(claimed());
        if (unclaimed() > 0) this->blame_backend("the input had not ended");
    }

    /// Whether a task has ended the loop behind it.
    bool is_closed() const noexcept { return closed_behind_.load(std::memory_order_relaxed) != nowhere; }

    const F& function_;
    input_type input_;
    window_type window_;

private:
    static constexpr std::size_t nowhere = static_cast<std::size_t>(-1);

    static std::optional<std::size_t> size_of(Rs&... ranges) {
        if constexpr (indexable<Rs...>)
            return shortest_of(ranges...);
        else
            return std::nullopt;
    }

    static std::optional<std::size_t> tasks_ahead(const options& wishes) {
        if (!wishes.pre_dispatch) return std::nullopt;
        return static_cast<std::size_t>(*wishes.pre_dispatch);
    }

    template <class Input>
    static Input made_from(Rs&... ranges) {
        if constexpr (by_index)
            return Input(shortest_of(ranges...), ranges...);
        else
            return Input(nowhere, ranges...);  // the window is ours
    }

    template <class Ending>
    task_range claim_from_input(std::size_t most, const Ending& ending) {
        if constexpr (by_index) {
            return input_.claim(most);
        } else {
            // What is read once may be typed or received: no element waits for the next unless the user says so.
            constexpr bool read_once = !(std::ranges::forward_range<Rs> && ...);
            if (read_once && !this->batch_size()) most = 1;
            const settings_on_loan as_in_the_caller(this->settings_of_caller());  // reading may run the user's code
            return input_.claim(most, ending, [](std::size_t) {});
        }
    }

    std::size_t claimed() const {
        if constexpr (by_index)
            return input_.size() - input_.unclaimed();
        else
            return input_.size();
    }

    template <class Make>
    void keep(typename window_type::chunk& chunk, std::size_t index, const Make& make) {
        auto& slot = chunk.slots[index - chunk.tasks.first];
        const auto value_of = [&]() -> value_type {
            const auto result_of = [&]() -> result {
                if constexpr (std::is_void_v<decltype(make())>)
                    return make(), nothing();
                else
                    return make();
            };
            if constexpr (in_order)
                return result_of();
            else
                return {index, result_of()};
        };
        slot.emplace(value_of());
        if constexpr (Taken == taken::up_to_first_true)
            if (*slot) close_behind(index);
    }

    void failed(std::size_t index) noexcept {
        if constexpr (in_order) {
            if (!this->may_be_of_stopping()) close_with_failure(index, std::current_exception());
        } else {
            this->end_with_failure(index);
        }
    }

    void close_with_failure(std::size_t index, std::exception_ptr why) noexcept {
        this->note_failure(index, std::move(why));
        close_behind(index);
    }

    /// No task behind this one starts any more.
    void close_behind(std::size_t index) noexcept {
        std::size_t seen = closed_behind_.load(std::memory_order_relaxed);
        while (index < seen && !closed_behind_.compare_exchange_weak(seen, index, std::memory_order_relaxed)) {
        }
        wake_claimers();
    }

    mutex claims_;  // held while the input is read, and while there is no room
    std::atomic<std::size_t> closed_behind_ = nowhere;
    clock::time_point last_stored_ = clock::now();
};

/// One whose results are taken by somebody who waits for them.
template <taken Taken, class F, class... Rs>
class streamed_loop : public windowed_loop<Taken, F, Rs...> {
    using base = windowed_loop<Taken, F, Rs...>;

public:
    using base::base;
    using base::require_all_done;

    /// False: there are no results any more, or what comes next is the reason why the loop ends early.
    bool take(typename base::window_type::batch& batch) {
        return this->window_.take(batch, [this] { return this->was_cancelled(); });
    }

    bool gives_results_meanwhile() const noexcept override { return true; }

    /// Nobody wants what is left.
    void abandon() noexcept { this->leave_early(); }

    /// Nothing runs any more.
    void end() noexcept { this->window_.end(); }
};

}  // namespace detail

}  // namespace fanout
