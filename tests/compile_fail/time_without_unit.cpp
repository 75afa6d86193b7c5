// error: fanout: a time is written with its unit: .timeout = 10s
#include <chrono>
#include <fanout/fanout.hpp>
#include <vector>

using fanout::delayed, fanout::parallel;
using namespace std::chrono_literals;

std::vector<int> f(const std::vector<int>& numbers) {
    const auto same = [](int i) { return i; };
#ifndef CORRECTED
    return parallel({.n_jobs = 2, .timeout = 10})(delayed(same), numbers);
#else
    return parallel({.n_jobs = 2, .timeout = 10s})(delayed(same), numbers);
#endif
}
