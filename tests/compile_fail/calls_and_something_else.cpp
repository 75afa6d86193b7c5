// error: or several: parallel(n)(delayed(f)(1), delayed(g)(2))
#include <fanout/fanout.hpp>
#include <tuple>

using fanout::delayed, fanout::parallel;

int square(int i) { return i * i; }

std::tuple<int, int> f() {
#ifndef CORRECTED
    return parallel(2)(delayed(square)(1), square(2));
#else
    return parallel(2)(delayed(square)(1), delayed(square)(2));
#endif
}
