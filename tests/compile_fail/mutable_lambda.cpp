// error: it must be callable as const: no mutable lambda
#include <fanout/fanout.hpp>
#include <vector>

using fanout::delayed, fanout::parallel;

std::vector<int> f(const std::vector<int>& numbers) {
#ifndef CORRECTED
    return parallel(2)(delayed([count = 0](int i) mutable { return i + ++count; }), numbers);
#else
    return parallel(2)(delayed([count = 0](int i) { return i + count; }), numbers);
#endif
}
