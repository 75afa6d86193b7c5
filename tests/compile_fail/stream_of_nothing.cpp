// error: fanout: there is nothing to run: parallel(n).stream(delayed(f), range)
#include <fanout/fanout.hpp>
#include <vector>

using fanout::delayed, fanout::parallel;

int square(int i) { return i * i; }

int f(const std::vector<int>& numbers) {
    int sum = 0;
#ifndef CORRECTED
    for (int each : parallel(2).stream()) sum += each;
#else
    for (int each : parallel(2).stream(delayed(square), numbers)) sum += each;
#endif
    return sum;
}
