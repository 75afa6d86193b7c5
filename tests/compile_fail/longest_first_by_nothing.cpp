// error: fanout: longest_first: what the cost function gives must be comparable with <
#include <fanout/fanout.hpp>
#include <vector>

using fanout::delayed, fanout::parallel;

struct effort {
    int hours;
};

void f(const std::vector<int>& numbers) {
    const auto work = delayed([](int i) { return i; });
#ifndef CORRECTED
    parallel(2)(work.longest_first([](int i) { return effort{i}; }), numbers);
#else
    parallel(2)(work.longest_first([](int i) { return effort{i}.hours; }), numbers);
#endif
}
