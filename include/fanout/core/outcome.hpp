// What became of one task when failures are collected instead of thrown: its value, or an account of what went wrong.
#pragma once

#include <cstddef>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "fanout/core/co_owned.hpp"
#include "fanout/core/describe.hpp"
#include "fanout/core/failure.hpp"

namespace fanout {

/// The result of a `void` function in a tuple of results.
struct nothing {
    bool operator==(const nothing&) const = default;
};

namespace detail {

/// What a function's result is kept as: references are decayed to values, `void` becomes `nothing`.
template <class R>
using kept_result = std::conditional_t<std::is_void_v<R>, nothing, std::decay_t<R>>;

inline failure describe_current_exception(std::size_t index, int worker, const char* backend) {
    return {.index = index,
            .type = current_exception_type(),
            .what = current_exception_text(),
            .worker = worker,
            .backend = backend,
            .exception = std::current_exception()};
}

}  // namespace detail

/// A task's value or its failure. Made by `parallel(...).outcomes(...)`; used like `std::expected`, except that
/// `value()` throws what the task threw, and `error()` of one that succeeded throws too.
///
/// An outcome that was default-constructed belongs to no task: it has no value, and `error()` says so.
/// Copies share the failure; distinct outcomes may be used from different threads.
template <class R>
class outcome {
    using value_type = detail::kept_result<R>;
    using kept_failure = detail::with_owners<failure>;
    using shared_failure = detail::co_owned<const kept_failure>;

public:
    outcome() = default;
    explicit outcome(failure why) : failure_(new kept_failure(std::move(why))) {}

    template <class... Args>
    explicit outcome(std::in_place_t, Args&&... args) : value_(std::in_place, std::forward<Args>(args)...) {}

    /// Makes it a success, or a failure, in place: the value need not be assignable.
    template <class... Args>
    void emplace(Args&&... args) {
        value_.emplace(std::forward<Args>(args)...);
        failure_ = {};
    }
    void fail(failure why) {
        failure_ = shared_failure(new kept_failure(std::move(why)));
        value_.reset();
    }

    bool has_value() const noexcept { return value_.has_value(); }
    explicit operator bool() const noexcept { return has_value(); }

    /// The value, which must be there; `value()` checks that it is.
    value_type& operator*() & { return *value_; }
    const value_type& operator*() const& { return *value_; }
    value_type&& operator*() && { return *std::move(value_); }
    value_type* operator->() { return &*value_; }
    const value_type* operator->() const { return &*value_; }

    /// The value, or the task's own exception.
    value_type& value() & { return rethrow_if_failed(), *value_; }
    const value_type& value() const& { return rethrow_if_failed(), *value_; }
    value_type&& value() && { return rethrow_if_failed(), *std::move(value_); }

    template <class U>
    value_type value_or(U&& otherwise) const& {
        return value_.value_or(std::forward<U>(otherwise));
    }
    template <class U>
    value_type value_or(U&& otherwise) && {
        return std::move(value_).value_or(std::forward<U>(otherwise));
    }

    /// The account of what went wrong. Throws `std::logic_error` when the task succeeded.
    const failure& error() const {
        if (has_value()) throw std::logic_error("fanout::outcome: error() was asked of a task that succeeded");
        static const failure never_ran{.type = "fanout::outcome", .what = "this outcome belongs to no task"};
        return failure_ ? failure_->value : never_ran;
    }

private:
    void rethrow_if_failed() const {
        if (has_value()) return;
        if (failure_) std::rethrow_exception(failure_->value.exception);
        throw std::logic_error("fanout::outcome: value() was asked of an outcome that belongs to no task");
    }

    std::optional<value_type> value_;
    shared_failure failure_;
};

}  // namespace fanout
