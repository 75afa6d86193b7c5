// error: the function cannot be called with the elements of the range(s): one argument for each, of its elements' type
#include <fanout/fanout.hpp>
#include <string>
#include <vector>

using fanout::delayed, fanout::parallel;

std::vector<std::size_t> f(const std::vector<int>& numbers) {
    const auto length = [](const std::string& s) { return s.size(); };
#ifndef CORRECTED
    return parallel(2)(delayed(length), numbers);
#else
    return parallel(2)(delayed(length), std::vector<std::string>(numbers.size()));
#endif
}
