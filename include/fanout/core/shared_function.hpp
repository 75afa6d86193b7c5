// A function of the user's, kept in options. What std::function would do; but <functional> alone would cost everybody
// who includes fanout a seventh of what <thread> costs.
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include "fanout/core/delayed.hpp"
#include "fanout/core/light_standard.hpp"

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
        if constexpr (detail::can_be_null<function_type>)
            if (static_cast<const function_type&>(f) == nullptr) return;
        of_ = std::make_shared<function_type>(std::forward<F>(f));
        call_ = [](void* of, Args... args) {
            static_cast<void>((*static_cast<function_type*>(of))(std::forward<Args>(args)...));
        };
    }

    explicit operator bool() const noexcept { return call_ != nullptr; }

    /// It must not be nothing.
    void operator()(Args... args) const { call_(of_.get(), std::forward<Args>(args)...); }

private:
    std::shared_ptr<void> of_;
    void (*call_)(void*, Args...) = nullptr;
};

}  // namespace fanout
