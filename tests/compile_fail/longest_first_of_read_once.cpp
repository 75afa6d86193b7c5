// error: fanout: longest_first looks at all elements before the first task runs
#include <fanout/fanout.hpp>
#include <ranges>
#include <sstream>
#include <vector>

using fanout::delayed, fanout::parallel;

void f(std::istringstream& in, const std::vector<int>& numbers) {
    const auto itself = [](int i) { return i; };
#ifndef CORRECTED
    static_cast<void>(numbers);
    parallel(2)(delayed(itself).longest_first(itself), std::views::istream<int>(in));
#else
    static_cast<void>(in);
    parallel(2)(delayed(itself).longest_first(itself), numbers);
#endif
}
