// A function of the user's, kept in options. What std::function would do; but <functional> alone would cost everybody
// who includes fanout a seventh of what <thread> costs.
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include "fanout/core/co_owned.hpp"
#include "fanout/core/delayed.hpp"

namespace fanout {

/// Anything that can be called with `Args`, or nothing; also a null pointer or an empty `std::function` is nothing.
/// Copies share it.
template <class... Args>
class shared_function {
public:
    shared_function() = default;

    template <class F>
        requires(!std::same_as<std::decay_t<F>, shared_function> &&
                 requires(std::decay_t<F>& f, Args... args) { f(std::forward<Args>(args)...); })
    shared_function(F&& f) {
        using function_type = std::decay_t<F>;
        using holder = detail::with_owners<function_type>;
        if constexpr (detail::can_be_null<function_type>)
            if (static_cast<const function_type&>(f) == nullptr) return;
        of_ = detail::co_owned<detail::counts_owners>(new holder(std::forward<F>(f)));
        call_ = [](detail::counts_owners* of, Args... args) {
            static_cast<void>(static_cast<holder*>(of)->value(std::forward<Args>(args)...));
        };
    }

    explicit operator bool() const noexcept { return static_cast<bool>(of_); }

    /// It must not be nothing.
    void operator()(Args... args) const { call_(of_.get(), std::forward<Args>(args)...); }

private:
    detail::co_owned<detail::counts_owners> of_;
    void (*call_)(detail::counts_owners*, Args...) = nullptr;
};

}  // namespace fanout
