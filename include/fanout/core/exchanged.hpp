// std::exchange without its noexcept, whose answer everybody who includes fanout would pay for: a third of a
// millisecond for each type.
#pragma once

#include "fanout/core/deferred.hpp"

namespace fanout::detail {

/// What `variable` was; now it is `value`.
template <class T>
constexpr T exchanged(T& variable, deferred<T> value) {
    T before(static_cast<T&&>(variable));
    variable = static_cast<T&&>(value);
    return before;
}

}  // namespace fanout::detail
