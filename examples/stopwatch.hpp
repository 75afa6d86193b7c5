// Measures the time that has passed since a stopwatch was made.
#pragma once

#include <chrono>

class stopwatch {
public:
    double seconds() const { return std::chrono::duration<double>(clock::now() - start_).count(); }

private:
    using clock = std::chrono::steady_clock;

    clock::time_point start_ = clock::now();
};
