// A value written to memory and read again.
#pragma once

#include <fanout/serialize/codec.hpp>
#include <fanout/serialize/memory.hpp>

template <class T>
T round_trip(const T& value) {
    return fanout::detail::value_from<T>(fanout::detail::bytes_of(value));
}

template <class T>
bool survives(const T& value) {
    return round_trip(value) == value;
}
