// error: fanout: a stream keeps a range that is given as an rvalue, and this one cannot be moved
#include <fanout/fanout.hpp>
#include <vector>

using fanout::delayed, fanout::parallel;

int square(int i) { return i * i; }

struct unmovable : std::vector<int> {
    unmovable() = default;
    unmovable(const unmovable&) = delete;
};

int f() {
    int sum = 0;
#ifndef CORRECTED
    for (int each : parallel(2).stream(delayed(square), unmovable())) sum += each;
#else
    unmovable numbers;
    for (int each : parallel(2).stream(delayed(square), numbers)) sum += each;
#endif
    return sum;
}
