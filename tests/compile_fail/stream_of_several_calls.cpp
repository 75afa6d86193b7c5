// error: fanout: a stream runs over ranges: parallel(n).stream(delayed(f), range)
#include <fanout/fanout.hpp>
#include <vector>

using fanout::delayed, fanout::parallel;

int square(int i) { return i * i; }

int f() {
    int sum = 0;
#ifndef CORRECTED
    for (int each : parallel(2).stream(delayed(square)(1), delayed(square)(2))) sum += each;
#else
    for (int each : parallel(2).stream(std::vector{delayed(square)(1), delayed(square)(2)})) sum += each;
#endif
    return sum;
}
