// error: the function's result can be neither copied nor moved into the vector of results
#include <fanout/fanout.hpp>
#include <memory>
#include <mutex>
#include <vector>

using fanout::delayed, fanout::parallel;

void f(const std::vector<int>& numbers) {
#ifndef CORRECTED
    parallel(2)(delayed([](int) { return std::mutex(); }), numbers);
#else
    parallel(2)(delayed([](int) { return std::make_unique<std::mutex>(); }), numbers);
#endif
}
