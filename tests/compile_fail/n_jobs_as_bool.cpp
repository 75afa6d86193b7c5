// error: n_jobs is a whole number
#include <fanout/fanout.hpp>
#include <vector>

using fanout::delayed, fanout::parallel;

std::vector<int> f(const std::vector<int>& numbers) {
    const auto same = [](int i) { return i; };
#ifndef CORRECTED
    return parallel(true)(delayed(same), numbers);
#else
    return parallel(1)(delayed(same), numbers);
#endif
}
