// error: a backend is a value such as threads{}
#include <fanout/fanout.hpp>
#include <vector>

using fanout::delayed, fanout::parallel;

std::vector<int> f(const std::vector<int>& numbers) {
    const auto same = [](int i) { return i; };
#ifndef CORRECTED
    return parallel(2, "threads")(delayed(same), numbers);
#else
    return parallel(2, fanout::threads{})(delayed(same), numbers);
#endif
}
