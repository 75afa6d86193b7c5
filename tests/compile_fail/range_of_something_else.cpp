// error: or give a range of delayed calls
#include <fanout/fanout.hpp>
#include <ranges>
#include <vector>

using fanout::delayed, fanout::parallel;

int square(int i) { return i * i; }

std::vector<int> f(const std::vector<int>& numbers) {
#ifndef CORRECTED
    return parallel(2)(numbers);
#else
    return parallel(2)(numbers | std::views::transform(delayed(square)));
#endif
}
