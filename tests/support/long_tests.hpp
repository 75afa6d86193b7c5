// How much of a test that could go on for ever is made: a little at every commit, all of it with FANOUT_LONG_TESTS=1.
#pragma once

#include <cstdlib>

inline bool long_tests() { return std::getenv("FANOUT_LONG_TESTS") != nullptr; }
inline int rounds(int usually, int when_long) { return long_tests() ? when_long : usually; }
