// error: fanout: longest_first is for calls that give all results at the end
#include <fanout/fanout.hpp>
#include <vector>

using fanout::delayed, fanout::parallel;

int square(int i) { return i * i; }
int add(int a, int b) { return a + b; }

int f() {
    int sum = 0;
#ifndef CORRECTED
    sum = parallel(2).reduce(0, add, delayed(square).longest_first(square), std::vector{1, 2});
#else
    sum = parallel(2).reduce(0, add, delayed(square), std::vector{1, 2});
#endif
    return sum;
}
