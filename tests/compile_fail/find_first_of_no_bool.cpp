// error: fanout: find_first(delayed(f), range): f says whether an element is it, so it gives a bool
#include <fanout/fanout.hpp>
#include <vector>

using fanout::delayed, fanout::parallel;

int square(int i) { return i * i; }

auto found(const std::vector<int>& numbers) {
#ifndef CORRECTED
    return parallel(2).find_first(delayed([](int i) { return std::vector<int>(i); }), numbers);
#else
    return parallel(2).find_first(delayed([](int i) { return i == 3; }), numbers);
#endif
}
