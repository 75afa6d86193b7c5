// error: fanout: reduce(init, op, delayed(f), range): init is a whole number and op gives a fraction
#include <fanout/fanout.hpp>
#include <functional>
#include <vector>

using fanout::delayed, fanout::parallel;

double half(int i) { return i / 2.0; }

double f(const std::vector<int>& numbers) {
#ifndef CORRECTED
    return parallel(2).reduce(0, std::plus<>(), delayed(half), numbers);
#else
    return parallel(2).reduce(0.0, std::plus<>(), delayed(half), numbers);
#endif
}
