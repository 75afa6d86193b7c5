// error: fanout: parallel takes (n_jobs), (n_jobs, backend), (options), (options, backend) or (backend)
#include <fanout/fanout.hpp>
#include <vector>

using fanout::delayed, fanout::parallel;

std::vector<int> f(const std::vector<int>& numbers) {
    const auto same = [](int i) { return i; };
#ifndef CORRECTED
    return parallel(2.5)(delayed(same), numbers);
#else
    return parallel(2)(delayed(same), numbers);
#endif
}
