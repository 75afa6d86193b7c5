// error: fanout: what follows delayed(f) must be ranges to read from: parallel(n)(delayed(f), range)
#include <fanout/fanout.hpp>
#include <ranges>
#include <vector>

using fanout::delayed, fanout::parallel;

std::vector<int> f(int n) {
    const auto same = [](int i) { return i; };
#ifndef CORRECTED
    return parallel(2)(delayed(same), n);
#else
    return parallel(2)(delayed(same), std::views::iota(0, n));
#endif
}
