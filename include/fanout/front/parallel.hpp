// The call that users write: parallel(n_jobs, backend)(delayed(f), range).
#pragma once

#include <concepts>
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
#include "fanout/front/choice_of_backend.hpp"
#include "fanout/front/loop.hpp"
#include "fanout/front/portable_loop.hpp"
#include "fanout/front/portable_several.hpp"
#include "fanout/front/settings.hpp"
#include "fanout/front/several.hpp"
#include "fanout/front/uses.hpp"

namespace fanout {

namespace detail {

template <class T>
inline constexpr bool is_delayed_function = false;
template <class F>
inline constexpr bool is_delayed_function<delayed_function<F>> = true;

template <class T>
inline constexpr bool is_delayed_call = false;
template <class F, class... Args>
inline constexpr bool is_delayed_call<delayed_call<F, Args...>> = true;

template <class R>
inline constexpr bool is_range_of_calls = false;
template <std::ranges::input_range R>
inline constexpr bool is_range_of_calls<R> = is_delayed_call<std::remove_cvref_t<std::ranges::range_reference_t<R>>>;

/// True also of what is no delayed call.
template <class Element>
concept calls_can_be_sent =
    !is_delayed_call<std::remove_cvref_t<Element>> || serializable<std::remove_cvref_t<Element>>;

template <class R>
concept keepable_result = std::is_void_v<R> || std::move_constructible<std::decay_t<R>>;

/// Whether other processes could run it: what is read only once has to be sent, and all results have to.
template <class F, class... Rs>
inline constexpr bool loop_is_portable =
    serializable<kept_result<task_result<const F&, std::ranges::range_reference_t<Rs>...>>> &&
    (indexable<Rs...> || (serializable<std::remove_cvref_t<std::ranges::range_reference_t<Rs>>> && ...));

/// One of the types cannot be sent: the compiler's error, at run time.
template <class... Ts>
[[noreturn]] void refuse_to_send() {
    std::string why;
    ((why = why.empty() ? why_not_serializable<Ts>() : why), ...);
    throw std::invalid_argument(why);
}

/// One function over ranges. Each mistake that can be seen at compile time is one line here, and stops the compiler
/// before it gets to the templates behind.
template <bool Collect, class Runner, class F, class... Rs>
auto run_loop(const call_plan& plan, const Runner& runner, const F& f, Rs&... ranges) {
    constexpr bool all_are_ranges = (std::ranges::input_range<Rs> && ...);  // kept from explaining itself at length
    if constexpr (!all_are_ranges) {
        static_assert(all_are_ranges,
                      "fanout: what follows delayed(f) must be ranges to read from: parallel(n)(delayed(f), range); to "
                      "count, std::views::iota(0, n)");
        return misuse();
    } else if constexpr (!callable<const F&, std::ranges::range_reference_t<Rs>...>) {
        static_assert(!callable<F&, std::ranges::range_reference_t<Rs>...>,
                      "fanout: the function is called by several workers at once, so it must be callable as const: no "
                      "mutable lambda, and operator() of a functor is const");
        static_assert(
            callable<F&, std::ranges::range_reference_t<Rs>...>,
            "fanout: the function cannot be called with the elements of the range(s), one argument for each range");
        return misuse();
    } else if constexpr (!keepable_result<task_result<const F&, std::ranges::range_reference_t<Rs>...>>) {
        static_assert(
            keepable_result<task_result<const F&, std::ranges::range_reference_t<Rs>...>>,
            "fanout: the function's result can be neither copied nor moved into the vector of results; return a "
            "std::unique_ptr to it");
        return misuse();
    } else if constexpr (!indexable<Rs...> && !(holds_its_elements<Rs> && ...)) {
        static_assert((holds_its_elements<Rs> && ...),
                      "fanout: this range can be read only once, so its elements are kept until their tasks run, and "
                      "these can be neither copied nor moved out of it; let the range give values, not references");
        return misuse();
    } else if constexpr (!leaves_the_process<Runner> && !chosen_at_run_time<Runner>) {
        loop<Collect, F, Rs...> work(plan, f, ranges...);
        work.finish_through(runner);
        return work.results();
    } else if constexpr (chosen_at_run_time<Runner> && !loop_is_portable<F, Rs...>) {
        if (runner.leaves_the_process())
            refuse_to_send<kept_result<task_result<const F&, std::ranges::range_reference_t<Rs>...>>,
                           std::remove_cvref_t<std::ranges::range_reference_t<Rs>>...>();
        loop<Collect, F, Rs...> work(plan, f, ranges...);
        work.finish_through(runner);
        return work.results();
    } else if constexpr (!serializable<kept_result<task_result<const F&, std::ranges::range_reference_t<Rs>...>>>) {
        expect_serializable<kept_result<task_result<const F&, std::ranges::range_reference_t<Rs>...>>>();
        return misuse();
    } else if constexpr (!indexable<Rs...> && !(calls_can_be_sent<std::ranges::range_reference_t<Rs>> && ...)) {
        static_assert(
            (calls_can_be_sent<std::ranges::range_reference_t<Rs>> && ...),
            "fanout: the delayed calls of this range cannot be reached by index, so they are sent to the workers, and "
            "these cannot be: their function has captures or is a pointer, or their arguments are no values "
            "to be sent; give the function by itself: parallel(n, processes{})(delayed(f), range)");
        return misuse();
    } else if constexpr (!indexable<Rs...> &&
                         !(serializable<std::remove_cvref_t<std::ranges::range_reference_t<Rs>>> && ...)) {
        (expect_serializable<std::remove_cvref_t<std::ranges::range_reference_t<Rs>>>(), ...);
        return misuse();
    } else {
        portable_loop<Collect, F, Rs...> work(plan, f, ranges...);
        work.finish_through(runner);
        return work.results();
    }
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
        if (options_.require) [[unlikely]]
            detail::require_shared_memory(backend_, detail::name_of(backend_));
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

private:
    detail::call_plan plan() const {
        return {options_, effective_n_jobs(options_.n_jobs.value_or(-1)), detail::name_of(backend_)};
    }

    const auto& runner() const {
        if constexpr (keeps_workers<Backend>)
            return kept_;
        else
            return backend_;
    }

    options options_;
    Backend backend_;
    [[no_unique_address]] kept_type kept_;
    mutable detail::use_count uses_;
};

namespace detail {

template <class N>
concept job_count = std::integral<N> && !std::same_as<N, bool> && !std::same_as<N, char>;

template <job_count N>
options with_jobs(N n_jobs) {
    if (!std::in_range<int>(n_jobs))
        throw std::invalid_argument(
            concat({"fanout: n_jobs = ", std::to_string(n_jobs), " is more than can be counted; -1 is all CPUs"}));
    return {.n_jobs = static_cast<int>(n_jobs)};
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
    return detail::parallel_as_chosen<Any>(options());
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
    return parallel_call<Backend>(options(), std::move(backend));
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
    return detail::parallel_as_chosen<any_backend>(options(), std::move(backend.backend));
}

template <std::same_as<detail::preferred> Preferred>
[[nodiscard]] auto parallel(options wishes, Preferred backend) {
    return detail::parallel_as_chosen<any_backend>(std::move(wishes), std::move(backend.backend));
}

template <detail::job_count N, std::same_as<detail::preferred> Preferred>
[[nodiscard]] auto parallel(N n_jobs, Preferred backend) {
    return detail::parallel_as_chosen<any_backend>(detail::with_jobs(n_jobs), std::move(backend.backend));
}

/// Anything else is a mistake, and this says so.
template <class... Args>
auto parallel(Args&&...) {
    static_assert(
        detail::never<Args...>,
        "fanout: parallel takes (n_jobs), (n_jobs, backend), (options), (options, backend) or (backend), where "
        "n_jobs is a whole number and a backend is a value such as threads{}, or backend(\"threads\") by its name");
    return detail::misuse();
}

}  // namespace fanout
