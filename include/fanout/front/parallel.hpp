// The call that users write: parallel(n_jobs, backend)(delayed(f), range).
#pragma once

#include <concepts>
#include <initializer_list>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "fanout/core/backend.hpp"
#include "fanout/core/concat.hpp"
#include "fanout/core/cpu_count.hpp"
#include "fanout/core/delayed.hpp"
#include "fanout/core/light_standard.hpp"
#include "fanout/core/misuse.hpp"
#include "fanout/core/options.hpp"
#include "fanout/front/any_backend.hpp"
#include "fanout/front/call.hpp"
#include "fanout/front/checked_loop.hpp"
#include "fanout/front/choice_of_backend.hpp"
#include "fanout/front/find_first.hpp"
#include "fanout/front/longest_first.hpp"
#include "fanout/front/loop.hpp"
#include "fanout/front/portable_several.hpp"
#include "fanout/front/reduce.hpp"
#include "fanout/front/run_record.hpp"
#include "fanout/front/settings.hpp"
#include "fanout/front/several.hpp"
#include "fanout/front/stream.hpp"
#include "fanout/front/summary.hpp"
#include "fanout/front/uses.hpp"

namespace fanout {

namespace detail {

template <bool Collect, class Runner, class F, class... Rs>
auto run_loop(const call_plan& plan, const Runner& runner, const F& f, Rs&... ranges) {
    return checked_loop<F, Rs...>(runner, [&](auto portable) {
        typename loop_to_run<loop<Collect, F, Rs...>, portable>::type work(plan, f, ranges...);
        work.finish_through(runner);
        return work.results();
    });
}

template <bool Collect, class Runner, class... Calls>
auto run_several(const call_plan& plan, const Runner& runner, Calls&&... calls) {
    if constexpr (!(callable<make_the_call, Calls> && ...)) {
        static_assert(((callable<make_the_call, Calls> || !std::remove_cvref_t<Calls>::can_be_made) && ...),
                      "fanout: a delayed call that is given as an lvalue passes its arguments as lvalues, and the "
                      "function does not take them so; std::move the call");
        return misuse();
    } else if constexpr (!(keepable_result<task_result<make_the_call, Calls>> && ...)) {
        static_assert((keepable_result<task_result<make_the_call, Calls>> && ...),
                      "fanout: a function's result can be neither copied nor moved into the tuple of results; return a "
                      "std::unique_ptr to it");
        return misuse();
    } else if constexpr (!leaves_the_process<Runner> && !chosen_at_run_time<Runner>) {
        several<Collect, Calls...> work(plan, std::forward<Calls>(calls)...);
        work.finish_through(runner);
        return work.results();
    } else if constexpr (chosen_at_run_time<Runner> &&
                         !(serializable<kept_result<task_result<make_the_call, Calls>>> && ...)) {
        if (runner.leaves_the_process()) refuse_to_send<kept_result<task_result<make_the_call, Calls>>...>();
        several<Collect, Calls...> work(plan, std::forward<Calls>(calls)...);
        work.finish_through(runner);
        return work.results();
    } else if constexpr (!(serializable<kept_result<task_result<make_the_call, Calls>>> && ...)) {
        (expect_serializable<kept_result<task_result<make_the_call, Calls>>>(), ...);
        return misuse();
    } else if constexpr (leaves_the_machine<Runner>) {
        using remote = typename Runner::remote;
        if constexpr (remote::template can_send_several<Calls...>) {
            using base = portable_several<Collect, Calls...>;
            typename remote::template several<base, Calls...> work(plan, std::forward<Calls>(calls)...);
            work.finish_through(runner);
            return work.results();
        } else {
            remote::template expect_several<Calls...>();
            return misuse();
        }
    } else {
        portable_several<Collect, Calls...> work(plan, std::forward<Calls>(calls)...);
        work.finish_through(runner);
        return work.results();
    }
}

template <bool Collect, class Runner>
misuse run_call(const call_plan&, const Runner&) {
    static_assert(never<Runner>, "fanout: there is nothing to run: parallel(n)(delayed(f), range)");
    return {};
}

/// From what was written in the parentheses to the kind of call that it is.
template <bool Collect, class Runner, class First, class... Rest>
auto run_call(const call_plan& plan, const Runner& runner, First&& first, Rest&&... rest) {
    using first_type = std::remove_cvref_t<First>;
    if constexpr (any_misuse<First, Rest...>) {
        return misuse();
    } else if constexpr (is_delayed_function<first_type>) {
        static_assert(sizeof...(Rest) > 0,
                      "fanout: delayed(f) needs a range to run over: parallel(n)(delayed(f), range)");
        if constexpr (sizeof...(Rest) > 0)
            return run_loop<Collect>(plan, runner, first.function(), rest...);
        else
            return misuse();
    } else if constexpr (is_delayed_longest_first<first_type>) {
        static_assert(sizeof...(Rest) > 0,
                      "fanout: delayed(f).longest_first(cost) needs a range to run over: "
                      "parallel(n)(delayed(f).longest_first(cost), range)");
        return run_longest_first(
            runner, first,
            [&](const auto& in_order) { return run_loop<Collect>(plan, in_order, first.function(), rest...); },
            rest...);
    } else if constexpr (is_delayed_call<first_type> && (is_delayed_call<std::remove_cvref_t<Rest>> && ...)) {
        return run_several<Collect>(plan, runner, std::forward<First>(first), std::forward<Rest>(rest)...);
    } else if constexpr (is_range_of_calls<first_type> && sizeof...(Rest) == 0) {
        return run_loop<Collect>(plan, runner, make_the_call(), first);
    } else {
        static_assert(is_delayed_function<first_type>,
                      "fanout: the function comes first and is wrapped in delayed: parallel(n)(delayed(f), range); or "
                      "give a range "
                      "of delayed calls, or several: parallel(n)(delayed(f)(1), delayed(g)(2))");
        return misuse();
    }
}

template <class Backend>
const char* name_of(const Backend& backend) {
    if constexpr (chosen_at_run_time<Backend>)
        return backend.name();
    else
        return backend_name<Backend>();
}

template <class Backend>
auto kept_by(const Backend& backend) {
    if constexpr (keeps_workers<Backend>)
        return backend.keep();
    else
        return nothing();
}

}  // namespace detail

/// What `parallel(...)` gives: call it to run a loop. It can be kept and called again, also from several threads at
/// once and from inside its own tasks; with a backend that keeps its workers (threads) it keeps them until it is
/// destroyed.
template <runs_jobs Backend>
class parallel_call {
    using kept_type = decltype(detail::kept_by(std::declval<const Backend&>()));

public:
    explicit parallel_call(options&& wishes, Backend backend = {})
        : options_(detail::with_settings(std::move(wishes))),
          backend_(std::move(backend)),
          kept_(detail::kept_by(backend_)) {
        detail::validated(options_);
        if (options_.require == shared_memory) [[unlikely]]
            detail::require_shared_memory(backend_, detail::name_of(backend_));
        if (options_.summarize) [[unlikely]]
            summaries_ = options_.summarize.make_place();
    }

    /// Runs the loop and gives the results in the order of the input:
    ///
    ///     parallel(2)(delayed(f), range)                  std::vector of f's results; nothing if f returns void
    ///     parallel(2)(delayed(f), range, range)           f(x, y), as far as the shortest range goes
    ///     parallel(2)(range_of_delayed_calls)             the same, each element made by delayed(f)(arguments...)
    ///     parallel(2)(delayed(f)(1), delayed(g)("a"))     std::tuple of their results
    ///
    /// If tasks throw, no further task starts, those that run are finished, and the exception of the failed task that
    /// comes first in the input is thrown. Costs about 0.1 us for one task.
    template <class... What>
    auto operator()(What&&... what) const& {
        const detail::use_count::guard in_use(uses_);
        return detail::run_call<false>(plan(), runner(), std::forward<What>(what)...);
    }
    template <class... What>
    auto operator()(What&&... what) && {
        return detail::run_call<false>(plan(), backend_, std::forward<What>(what)...);
    }

    /// Of values that are written down: parallel(2)(delayed(f), {1, 2, 3}).
    template <class F, class T>
    auto operator()(F&& f, std::initializer_list<T> values) const& {
        const detail::use_count::guard in_use(uses_);
        return detail::run_call<false>(plan(), runner(), std::forward<F>(f), values);
    }
    template <class F, class T>
    auto operator()(F&& f, std::initializer_list<T> values) && {
        return detail::run_call<false>(plan(), backend_, std::forward<F>(f), values);
    }

    /// The same, but every task is run whatever becomes of the others, and there is an `outcome` for each: its value or
    /// its failure. Throws only if the input breaks or the call is stopped.
    template <class... What>
    [[nodiscard]] auto outcomes(What&&... what) const& {
        const detail::use_count::guard in_use(uses_);
        return detail::run_call<true>(plan(), runner(), std::forward<What>(what)...);
    }
    template <class... What>
    [[nodiscard]] auto outcomes(What&&... what) && {
        return detail::run_call<true>(plan(), backend_, std::forward<What>(what)...);
    }
    template <class F, class T>
    [[nodiscard]] auto outcomes(F&& f, std::initializer_list<T> values) const& {
        const detail::use_count::guard in_use(uses_);
        return detail::run_call<true>(plan(), runner(), std::forward<F>(f), values);
    }
    template <class F, class T>
    [[nodiscard]] auto outcomes(F&& f, std::initializer_list<T> values) && {
        return detail::run_call<true>(plan(), backend_, std::forward<F>(f), values);
    }

    /// The results as a range, while the loop runs: in the order of the input, each as soon as those before it are
    /// there. See fanout::stream.
    ///
    /// If a task throws, none behind it starts; the results before it come first, and then its exception, from ++ or
    /// begin(). Costs some 50 us to start, and little more than the call for each result.
    template <class... What>
    auto stream(What&&... what) const& {
        return detail::make_stream<detail::taken::in_order>(plan(), runner_of_its_own(), std::forward<What>(what)...);
    }
    template <class... What>
    auto stream(What&&... what) && {
        return detail::make_stream<detail::taken::in_order>(plan(), std::move(*this).runner_of_its_own(),
                                                            std::forward<What>(what)...);
    }

    /// The same in the order in which they are finished, each with its index: `auto [index, value]`. If a task throws,
    /// no further task starts; what is finished comes first, and then the exception.
    template <class... What>
    auto stream_unordered(What&&... what) const& {
        return detail::make_stream<detail::taken::as_they_finish>(plan(), runner_of_its_own(),
                                                                  std::forward<What>(what)...);
    }
    template <class... What>
    auto stream_unordered(What&&... what) && {
        return detail::make_stream<detail::taken::as_they_finish>(plan(), std::move(*this).runner_of_its_own(),
                                                                  std::forward<What>(what)...);
    }

    /// Combines the results as they come, `so_far = op(std::move(so_far), result)`, beginning with init, and gives what
    /// comes of it; init for an empty range:
    ///
    ///     parallel(4).reduce(0.0, std::plus<>(), delayed(area), shapes)
    ///
    /// Always from left to right, so that it is the same to the last bit whatever the backend and n_jobs. Keeps no more
    /// results than `stream` does. `op` is called by one worker at a time, while the others go on with their tasks; it
    /// need not be thread-safe, but if it takes longer than an n_jobs-th of a task, it is what they wait for.
    template <class... What>
    [[nodiscard]] auto reduce(What&&... what) const& {
        const detail::use_count::guard in_use(uses_);
        return detail::run_reduce(plan(), runner(), std::forward<What>(what)...);
    }
    template <class... What>
    [[nodiscard]] auto reduce(What&&... what) && {
        return detail::run_reduce(plan(), backend_, std::forward<What>(what)...);
    }

    /// The index of the first element for which the function gives true, if there is one. No task starts behind one
    /// that has given true; an exception counts only if its task comes before.
    template <class... What>
    [[nodiscard]] auto find_first(What&&... what) const& {
        const detail::use_count::guard in_use(uses_);
        return detail::run_find_first(plan(), runner(), std::forward<What>(what)...);
    }
    template <class... What>
    [[nodiscard]] auto find_first(What&&... what) && {
        return detail::run_find_first(plan(), backend_, std::forward<What>(what)...);
    }

    /// What the call was like that has finished last, with `options::summarize`: wall time, each worker's busy share,
    /// the slowest tasks, bytes moved. Also of one that failed. Any thread. Throws `std::logic_error` if there is none.
    template <class Clock = detail::clock>
    basic_run_summary<Clock> summary() const {
        if (!summaries_)
            throw std::logic_error(
                "fanout: summary() of a parallel object that keeps none; make it with parallel({.summarize = true})");
        return detail::get_last_summary<Clock>(summaries_.get());
    }

private:
    detail::call_plan plan() const {
        return {options_, jobs_on(backend_, options_.n_jobs.value_or(-1)), detail::name_of(backend_), summaries_.get()};
    }

    /// A backend whose workers are elsewhere may know how many CPUs are there.
    template <class B>
    static int jobs_on(const B& backend, int n_jobs) {
        if constexpr (requires { backend.cpus(); }) {
            const auto cpus = n_jobs < 0 ? backend.cpus() : std::nullopt;
            if (cpus) return n_jobs + 1 + *cpus > 1 ? n_jobs + 1 + *cpus : 1;
        }
        return effective_n_jobs(n_jobs);
    }

    const auto& runner() const {
        if constexpr (keeps_workers<Backend>)
            return kept_;
        else
            return backend_;
    }

    /// For streams, which outlive a temporary, and may be left alone for long by those who read them: workers that wait
    /// for that must not be missing elsewhere.
    auto runner_of_its_own() const& {
        if constexpr (!keeps_workers<Backend>)
            return Backend(backend_);
        else if constexpr (std::copy_constructible<kept_type>)
            return kept_type(kept_);
        else
            return detail::kept_by(backend_);
    }
    auto runner_of_its_own() && {
        if constexpr (keeps_workers<Backend>)
            return std::move(kept_);
        else
            return std::move(backend_);
    }

    options options_;
    Backend backend_;
    [[no_unique_address]] kept_type kept_;
    detail::co_owned<detail::counts_owners>
        summaries_;  // a last_summary, which nobody compiles who does not ask for one
    mutable detail::use_count uses_;
};

namespace detail {

template <class N>
concept job_count = std::integral<N> && !std::same_as<N, bool> && !std::same_as<N, char>;

/// Not `options()` and nothing in braces, for which GCC fills the whole of it with zeros first: slow for so little.
inline options without_wishes() {
    options none;
    return none;
}

template <job_count N>
options with_jobs(N n_jobs) {
    if (!std::in_range<int>(n_jobs))
        throw std::invalid_argument(
            concat({"fanout: n_jobs = ", std::to_string(n_jobs), " is more than can be counted; -1 is all CPUs"}));
    options wishes = without_wishes();
    wishes.n_jobs = static_cast<int>(n_jobs);
    return wishes;
}

template <class... Args>
auto misplaced_options() {
    static_assert(never<Args...>,
                  "fanout: options come first, with n_jobs among them: parallel({.n_jobs = 2, .timeout = 5s}), or "
                  "parallel({.n_jobs = 2, .timeout = 5s}, backend)");
    return misuse();
}

template <class Any>
auto parallel_as_chosen(options&& wishes, Any otherwise = {}) {
    Any chosen = chosen_backend(wishes, std::move(otherwise));
    return parallel_call<Any>(std::move(wishes), std::move(chosen));
}

}  // namespace detail

/// A loop to be run with n_jobs tasks at once (-1: one for each CPU, -2: all CPUs but one, ...) on a backend:
///
///     auto roots = parallel(4)(delayed(root), numbers);
///
/// What is left out is as the scopes of `config` and the environment have it at this moment; if they say nothing, the
/// backend is threads and n_jobs all CPUs. Throws `std::invalid_argument` for what could never run.
template <class Any = any_backend>
[[nodiscard]] auto parallel() {
    return detail::parallel_as_chosen<Any>(detail::without_wishes());
}

template <class Any = any_backend>
[[nodiscard]] auto parallel(options wishes) {
    return detail::parallel_as_chosen<Any>(std::move(wishes));
}

template <detail::job_count N>
[[nodiscard]] auto parallel(N n_jobs) {
    return detail::parallel_as_chosen<any_backend>(detail::with_jobs(n_jobs));
}

template <runs_jobs Backend>
[[nodiscard]] auto parallel(Backend backend) {
    return parallel_call<Backend>(detail::without_wishes(), std::move(backend));
}

template <runs_jobs Backend>
[[nodiscard]] auto parallel(options wishes, Backend backend) {
    return parallel_call<Backend>(std::move(wishes), std::move(backend));
}

template <detail::job_count N, runs_jobs Backend>
[[nodiscard]] auto parallel(N n_jobs, Backend backend) {
    return parallel_call<Backend>(detail::with_jobs(n_jobs), std::move(backend));
}

template <std::same_as<detail::preferred> Preferred>
[[nodiscard]] auto parallel(Preferred backend) {
    return detail::parallel_as_chosen<any_backend>(detail::without_wishes(), std::move(backend.backend));
}

template <std::same_as<detail::preferred> Preferred>
[[nodiscard]] auto parallel(options wishes, Preferred backend) {
    return detail::parallel_as_chosen<any_backend>(std::move(wishes), std::move(backend.backend));
}

template <detail::job_count N, std::same_as<detail::preferred> Preferred>
[[nodiscard]] auto parallel(N n_jobs, Preferred backend) {
    return detail::parallel_as_chosen<any_backend>(detail::with_jobs(n_jobs), std::move(backend.backend));
}

/// Options in braces, for the overload below cannot see them.
template <class First>
auto parallel(First&&, const options&) {
    return detail::misplaced_options<First>();
}
template <class First, class Second>
auto parallel(First&&, Second&&, const options&) {
    return detail::misplaced_options<First, Second>();
}

/// Anything else is a mistake, and this says so.
template <class... Args>
auto parallel(Args&&...) {
    static_assert(
        detail::never<Args...>,
        "fanout: parallel takes (n_jobs), (n_jobs, backend), (options), (options, backend) or (backend), where "
        "n_jobs is a whole number and a backend is a value such as threads{}, or backend(\"threads\") by its name; "
        "one of your own has void run(fanout::job&, int n_jobs) const");
    return detail::misuse();
}

}  // namespace fanout
