// error: fanout: the delayed calls of this range cannot be reached by index, so they are sent to the workers
#include <fanout/fanout.hpp>
#include <istream>
#include <ranges>
#include <string>

using fanout::delayed, fanout::parallel, fanout::processes;

void f(std::istream& input, const std::string& suffix) {
    const auto add = delayed([&](const std::string& word) { return word + suffix; });
#ifndef CORRECTED
    parallel(2, processes{})(std::views::istream<std::string>(input) | std::views::transform(add));
#else
    parallel(2, processes{})(add, std::views::istream<std::string>(input));
#endif
}
