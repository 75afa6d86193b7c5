// std::exchange without its noexcept, whose answer everybody who includes fanout would pay for: a third of a
// millisecond for each type.
#pragma once

namespace fanout::detail {

/// What `variable` was; now it is `value`.
template <class T, class U = T>
constexpr T exchanged(T& variable, U&& value) {
    T before(static_cast<T&&>(variable));
    variable = static_cast<U&&>(value);
    return before;
}

}  // namespace fanout::detail
