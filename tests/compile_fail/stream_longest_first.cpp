// error: fanout: longest_first is for calls that give all results at the end
#include <fanout/fanout.hpp>
#include <vector>

using fanout::delayed, fanout::parallel;

int square(int i) { return i * i; }

int f() {
    int sum = 0;
#ifndef CORRECTED
    for (int each : parallel(2).stream(delayed(square).longest_first(square), std::vector{1, 2})) sum += each;
#else
    for (int each : parallel(2).stream(delayed(square), std::vector{1, 2})) sum += each;
#endif
    return sum;
}
