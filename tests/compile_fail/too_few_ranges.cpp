// error: the function cannot be called with the elements of the range(s): one argument for each, of its elements' type
#include <fanout/fanout.hpp>
#include <vector>

using fanout::delayed, fanout::parallel;

std::vector<int> f(const std::vector<int>& numbers) {
    const auto sum = [](int x, int y) { return x + y; };
#ifndef CORRECTED
    return parallel(2)(delayed(sum), numbers);
#else
    return parallel(2)(delayed(sum), numbers, numbers);
#endif
}
