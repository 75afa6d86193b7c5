// What can be seen at compile time to be wrong with a loop, each mistake in one readable line.
#pragma once

#include <concepts>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "fanout/core/delayed.hpp"
#include "fanout/core/light_standard.hpp"
#include "fanout/core/misuse.hpp"
#include "fanout/core/outcome.hpp"
#include "fanout/front/any_backend.hpp"
#include "fanout/front/loop.hpp"
#include "fanout/front/portable_loop.hpp"
#include "fanout/front/several.hpp"

namespace fanout::detail {

template <class T>
inline constexpr bool is_delayed_function = false;
template <class F>
inline constexpr bool is_delayed_function<delayed_function<F>> = true;

template <class T>
inline constexpr bool is_delayed_longest_first = false;
template <class F, class Cost>
inline constexpr bool is_delayed_longest_first<delayed_longest_first<F, Cost>> = true;

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

/// All of the call is sent, by a backend's `remote`: see leaves_the_machine.
template <class Remote, class F, class... References>
struct sent_by {};

/// One of the types cannot be sent: the compiler's error, at run time.
template <class... Ts>
[[noreturn]] void refuse_to_send() {
    std::string why;
    ((why = why.empty() ? why_not_serializable<Ts>() : why), ...);
    throw std::invalid_argument(why);
}

/// One function over ranges. Each mistake that can be seen at compile time is one line here, and stops the compiler
/// before it gets to the templates behind.
///
/// `go(where)` is what comes of it if there is none, where `where` is a std::true_type if tasks may leave the process,
/// a std::false_type if not, and `sent_by` if all of the call is sent: for `loop_to_run`.
template <class F, class... Rs, class Runner, class Go>
auto checked_loop([[maybe_unused]] const Runner& runner, const Go& go) {
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
        static_assert(callable<F&, std::ranges::range_reference_t<Rs>...>,
                      "fanout: the function cannot be called with the elements of the range(s): one argument for each, "
                      "of its elements' type");
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
        return go(std::false_type());
    } else if constexpr (chosen_at_run_time<Runner> && !loop_is_portable<F, Rs...>) {
        if (runner.leaves_the_process())
            refuse_to_send<kept_result<task_result<const F&, std::ranges::range_reference_t<Rs>...>>,
                           std::remove_cvref_t<std::ranges::range_reference_t<Rs>>...>();
        return go(std::false_type());
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
    } else if constexpr (leaves_the_machine<Runner>) {
        using remote = typename Runner::remote;
        if constexpr (remote::template can_send_loop<F, std::ranges::range_reference_t<Rs>...>) {
            return go(sent_by<remote, F, std::ranges::range_reference_t<Rs>...>());
        } else {
            remote::template expect_loop<F, std::ranges::range_reference_t<Rs>...>();
            return misuse();
        }
    } else {
        return go(std::true_type());
    }
}

/// A loop as it is run. Nobody derives from it, so whoever holds it can destroy it without a virtual destructor.
template <class Loop>
class sealed final : public Loop {
public:
    using Loop::Loop;
};

template <class Loop, class Where>
struct loop_for;
template <class Loop>
struct loop_for<Loop, std::false_type> : std::type_identity<sealed<Loop>> {};
template <class Loop>
struct loop_for<Loop, std::true_type> : std::type_identity<sealed<portable_loop<Loop>>> {};
template <class Loop, class Remote, class F, class... References>
struct loop_for<Loop, sent_by<Remote, F, References...>>
    : std::type_identity<typename Remote::template loop<portable_loop<Loop>, F, References...>> {};

template <class Loop, auto Where>
struct loop_to_run : loop_for<Loop, std::remove_const_t<decltype(Where)>> {};

template <class T>
misuse longest_first_out_of_place() {
    static_assert(never<T>,
                  "fanout: longest_first is for calls that give all results at the end; here they are wanted in the "
                  "order of the input, so leave it out: delayed(f)");
    return {};
}

/// From what was written in the parentheses to a loop over ranges: calls `go(f, ranges...)`.
template <class Go, class First, class... Rest>
auto with_loop(const Go& go, First& first, Rest&... rest) {
    if constexpr (any_misuse<First, Rest...>) {
        return misuse();
    } else if constexpr (is_delayed_function<std::remove_const_t<First>> && sizeof...(Rest) > 0) {
        return go(first.function(), rest...);
    } else if constexpr (is_range_of_calls<First> && sizeof...(Rest) == 0) {
        return go(make_the_call(), first);
    } else if constexpr (is_delayed_longest_first<std::remove_const_t<First>>) {
        return longest_first_out_of_place<First>();
    } else {
        static_assert(never<First>,
                      "fanout: this runs over ranges: it ends with (..., delayed(f), range), or with one range of "
                      "delayed calls");
        return misuse();
    }
}

}  // namespace fanout::detail
