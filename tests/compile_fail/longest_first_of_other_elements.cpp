// error: fanout: longest_first: the cost function cannot be called
#include <fanout/fanout.hpp>
#include <string>
#include <vector>

using fanout::delayed, fanout::parallel;

void f(const std::vector<int>& numbers) {
    const auto work = delayed([](int i) { return i; });
#ifndef CORRECTED
    parallel(2)(work.longest_first([](const std::string& text) { return text.size(); }), numbers);
#else
    parallel(2)(work.longest_first([](int i) { return i; }), numbers);
#endif
}
