// What several builds of one program have in common: functions by name, in the forms that there are.
#pragma once

#include <fanout/tcp/registered_function.hpp>
#include <stdexcept>
#include <string>

inline double half_of(double x) { return x / 2; }
inline std::string joined(const std::string& a, int b) {
    if (b == 13) throw std::out_of_range("thirteen");
    return a + std::to_string(b);
}
inline constexpr auto squared = [](long x) { return x * x; };
inline void nothing_of(int&) {}

FANOUT_REGISTER("half", half_of);
FANOUT_REGISTER("joined", joined);
FANOUT_REGISTER("squared", squared);
FANOUT_REGISTER("nothing", nothing_of);
