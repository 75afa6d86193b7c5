// error: fanout: delayed takes the function itself, without its arguments
#include <fanout/fanout.hpp>

using fanout::delayed, fanout::parallel;

double half(int i) { return i / 2.0; }

void f() {
#ifndef CORRECTED
    parallel(2)(delayed(half(1)), delayed(half(2)));
#else
    parallel(2)(delayed(half)(1), delayed(half)(2));
#endif
}
