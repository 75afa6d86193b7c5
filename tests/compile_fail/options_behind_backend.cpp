// error: fanout: options come first, with n_jobs among them
#include <fanout/fanout.hpp>
#include <vector>

using fanout::delayed, fanout::parallel;

std::vector<int> f(const std::vector<int>& numbers) {
    const auto same = [](int i) { return i; };
#ifndef CORRECTED
    return parallel(2, fanout::threads(), {.batch_size = 10})(delayed(same), numbers);
#else
    return parallel({.n_jobs = 2, .batch_size = 10}, fanout::threads())(delayed(same), numbers);
#endif
}
