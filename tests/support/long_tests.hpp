// How much of a test that could go on for ever is made: a little at every commit, all of it with FANOUT_LONG_TESTS=1,
// and a hundred times as much with FANOUT_LONG_TESTS=100.
#pragma once

#include <algorithm>
#include <cstdlib>

inline bool long_tests() { return std::getenv("FANOUT_LONG_TESTS") != nullptr; }
inline int rounds(int usually, int when_long) {
    const char* const times = std::getenv("FANOUT_LONG_TESTS");
    return times ? when_long * std::max(1, std::atoi(times)) : usually;
}
