// error: fanout: the function comes first and is wrapped in delayed
#include <fanout/fanout.hpp>
#include <vector>

using fanout::delayed, fanout::parallel;

double half(int i) { return i / 2.0; }

std::vector<double> f(const std::vector<int>& numbers) {
#ifndef CORRECTED
    return parallel(2)(numbers, delayed(half));
#else
    return parallel(2)(delayed(half), numbers);
#endif
}
