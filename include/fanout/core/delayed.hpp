// A function that is to be called later, by a worker: `delayed(f)` for a range, `delayed(f)(1, "a")` for one call.
#pragma once

#include <concepts>
#include <cstddef>
#include <stdexcept>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>

#include "fanout/core/misuse.hpp"

namespace fanout {

template <class T>
struct codec;

namespace detail {

template <class F, class... Args>
inline constexpr bool callable_plainly = std::is_invocable_v<F, Args...>;

// A token goes only to a function that cannot be called without one: `[](auto a, int b)` must not get one by accident.
// Who can be called without is not even asked: the body of a generic lambda would be compiled with it.
template <class F, class... Args>
inline constexpr bool wants_stop_token =
    std::conjunction_v<std::negation<std::is_invocable<F, Args...>>, std::is_invocable<F, std::stop_token, Args...>>;

template <class F, class... Args>
inline constexpr bool callable = callable_plainly<F, Args...> || wants_stop_token<F, Args...>;

/// std::invoke, without the <functional> that it lives in.
template <class F, class... Args>
constexpr decltype(auto) call_function(F&& f, Args&&... args) {
    if constexpr (std::is_member_pointer_v<std::remove_cvref_t<F>>)
        return std::apply(f, std::forward_as_tuple(std::forward<Args>(args)...));
    else
        return std::forward<F>(f)(std::forward<Args>(args)...);
}

/// Calls `f`, giving it the token first if it cannot be called without.
template <class F, class... Args>
    requires callable<F, Args...>
constexpr decltype(auto) call_with_token(const std::stop_token& token, F&& f, Args&&... args) {
    if constexpr (wants_stop_token<F, Args...>)
        return call_function(std::forward<F>(f), token, std::forward<Args>(args)...);
    else
        return call_function(std::forward<F>(f), std::forward<Args>(args)...);
}

/// A function pointer, a member pointer or a `std::function`, as against a lambda that only converts to a pointer.
template <class F>
concept can_be_null =
    std::constructible_from<F, std::nullptr_t> && requires(const F& f) { static_cast<bool>(f == nullptr); };

}  // namespace detail

/// One call, with its arguments kept by value (`std::ref(x)` keeps a reference), made by `delayed(f)(arguments...)`.
template <class F, class... Args>
class delayed_call {
public:
    /// Whether there is any way to make the call.
    static constexpr bool can_be_made = detail::callable<const F&, Args&...> ||
                                        detail::callable<const F&, const Args&...> ||
                                        detail::callable<const F&, Args...>;
    static_assert(can_be_made,
                  "fanout: delayed(f)(arguments...): f cannot be called with these arguments (it is called as const, "
                  "so operator() must be const: no mutable lambda)");

    template <class G, class... As>
    constexpr explicit delayed_call(std::in_place_t, G&& f, As&&... args)
        : function_(std::forward<G>(f)), arguments_(std::forward<As>(args)...) {}

    /// Makes the call here and now. As an rvalue it hands over its arguments, as an lvalue it can be called again.
    constexpr decltype(auto) operator()() &
        requires detail::callable_plainly<const F&, Args&...>
    {
        return std::apply(std::as_const(function_), arguments_);
    }
    constexpr decltype(auto) operator()() const&
        requires detail::callable_plainly<const F&, const Args&...>
    {
        return std::apply(std::as_const(function_), arguments_);
    }
    constexpr decltype(auto) operator()() &&
        requires detail::callable_plainly<const F&, Args...>
    {
        return std::apply(std::as_const(function_), std::move(arguments_));
    }
    decltype(auto) operator()(std::stop_token token) &
        requires detail::wants_stop_token<const F&, Args&...>
    {
        return apply_with(std::move(token), arguments_);
    }
    decltype(auto) operator()(std::stop_token token) const&
        requires detail::wants_stop_token<const F&, const Args&...>
    {
        return apply_with(std::move(token), arguments_);
    }
    decltype(auto) operator()(std::stop_token token) &&
        requires detail::wants_stop_token<const F&, Args...>
    {
        return apply_with(std::move(token), std::move(arguments_));
    }

    /// For who sends the call elsewhere.
    constexpr const F& function() const noexcept { return function_; }
    constexpr const std::tuple<Args...>& arguments() const noexcept { return arguments_; }

private:
    friend struct codec<delayed_call>;

    template <class Tuple>
    decltype(auto) apply_with(std::stop_token token, Tuple&& arguments) const {
        return std::apply(function_, std::tuple_cat(std::tuple<std::stop_token>(std::move(token)),
                                                    as_references(std::forward<Tuple>(arguments))));
    }

    template <class Tuple>
    static auto as_references(Tuple&& arguments) {
        return std::apply([](auto&&... each) { return std::forward_as_tuple(std::forward<decltype(each)>(each)...); },
                          std::forward<Tuple>(arguments));
    }

    F function_;
    std::tuple<Args...> arguments_;
};

template <class F, class Cost>
class delayed_longest_first;

/// A function that waits for its elements. Called, it keeps its arguments and gives a `delayed_call`; nothing runs.
template <class F>
class delayed_function {
public:
    constexpr explicit delayed_function(F f) : function_(std::move(f)) {}

    template <class... Args>
    [[nodiscard]] constexpr delayed_call<F, std::unwrap_ref_decay_t<Args>...> operator()(Args&&... args) const {
        return delayed_call<F, std::unwrap_ref_decay_t<Args>...>(std::in_place, function_, std::forward<Args>(args)...);
    }

    constexpr const F& function() const noexcept { return function_; }

    /// The tasks that cost most are begun first, so that none of them comes last and is waited for by everybody else:
    ///
    ///     parallel(4)(delayed(train).longest_first(number_of_rows), tables)
    ///
    /// `cost` is called with the same elements as the function, once for each task, before anything runs and in the
    /// calling thread; it gives anything that can be compared with <, in whatever unit. What it throws ends the call.
    /// Changes only when tasks are begun, never the order of results. The ranges must be reached by index. Costs a
    /// call of `cost`, an index and a cost kept for each task, and a sort.
    template <class Cost>
    [[nodiscard]] constexpr delayed_longest_first<F, std::decay_t<Cost>> longest_first(Cost&& cost) const {
        return delayed_longest_first<F, std::decay_t<Cost>>(function_, std::forward<Cost>(cost));
    }

private:
    F function_;
};

/// A function with what its tasks cost. Made by `delayed(f).longest_first(cost)`.
template <class F, class Cost>
class delayed_longest_first {
public:
    constexpr delayed_longest_first(const F& f, Cost how_much) : function_(f), cost_(std::move(how_much)) {}

    constexpr const F& function() const noexcept { return function_; }
    constexpr const Cost& cost() const noexcept { return cost_; }

private:
    F function_;
    Cost cost_;
};

/// Marks `f` to be called by workers: `parallel(2)(delayed(f), range)`.
///
/// `f` may be a function, a lambda, a functor or a pointer to a member. It is called as const, from several threads at
/// once. One that takes a `std::stop_token` first, and could not be called without, is told through it when to end
/// early. Throws `std::invalid_argument` for a null pointer or an empty `std::function`.
///
/// Of an overloaded function it has to be said which is meant: `delayed([](double x) { return std::sqrt(x); })`.
template <class F>
[[nodiscard]] constexpr auto delayed(F&& f) {
    using function_type = std::decay_t<F>;
    constexpr bool could_be_called = std::is_class_v<function_type> || std::is_member_pointer_v<function_type> ||
                                     std::is_function_v<std::remove_pointer_t<function_type>>;
    static_assert(could_be_called,
                  "fanout: delayed takes the function itself, without its arguments: delayed(f)(x), not delayed(f(x))");
    if constexpr (!could_be_called) {
        return detail::misuse();
    } else {
        if constexpr (detail::can_be_null<function_type>)
            if (static_cast<const function_type&>(f) == nullptr)
                throw std::invalid_argument(
                    "fanout::delayed: the function is null; give it a function that can be called");
        return delayed_function<function_type>(std::forward<F>(f));
    }
}

}  // namespace fanout
