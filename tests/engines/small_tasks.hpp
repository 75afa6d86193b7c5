// What both engines are given to do, and what their scripts tell the tests.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

inline std::string told(const char* name) {
    const char* const value = std::getenv(name);
    return value ? value : "";
}

inline int after_a_moment(int i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return i;
}

inline std::vector<int> first(int count) {
    std::vector<int> all(static_cast<std::size_t>(count));
    std::iota(all.begin(), all.end(), 0);
    return all;
}
