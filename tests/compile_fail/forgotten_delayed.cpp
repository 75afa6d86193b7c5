// error: fanout: the function comes first and is wrapped in delayed: parallel(n)(delayed(f), range)
#include <fanout/fanout.hpp>
#include <vector>

using fanout::delayed, fanout::parallel;

int square(int i) { return i * i; }

std::vector<int> f(const std::vector<int>& numbers) {
#ifndef CORRECTED
    return parallel(2)(square, numbers);
#else
    return parallel(2)(delayed(square), numbers);
#endif
}
