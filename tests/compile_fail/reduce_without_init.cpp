// error: fanout: reduce takes what to begin with, how to combine, and the loop
#include <fanout/fanout.hpp>
#include <vector>

using fanout::delayed, fanout::parallel;

int square(int i) { return i * i; }

int add(int a, int b) { return a + b; }

int f(const std::vector<int>& numbers) {
#ifndef CORRECTED
    return parallel(2).reduce(add, delayed(square));
#else
    return parallel(2).reduce(0, add, delayed(square), numbers);
#endif
}
