// error: fanout: delayed(f) needs a range to run over
#include <fanout/fanout.hpp>
#include <vector>

using fanout::delayed, fanout::parallel;

int square(int i) { return i * i; }

void f(const std::vector<int>& numbers) {
#ifndef CORRECTED
    static_cast<void>(numbers);
    parallel(2)(delayed(square));
#else
    parallel(2)(delayed(square), numbers);
#endif
}
