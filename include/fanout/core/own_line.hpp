// A cache line for one value that many threads write, so that they do not slow down those who only read its neighbours.
#pragma once

namespace fanout::detail {

/// Not std::hardware_destructive_interference_size: GCC warns that it may differ between translation units.
template <class T>
struct alignas(64) own_line {
    T value{};
};

}  // namespace fanout::detail
