// error: fanout: there is nothing to run
#include <fanout/fanout.hpp>

using fanout::delayed, fanout::parallel;

void f() {
    const auto task = [](int i) { return i; };
#ifndef CORRECTED
    parallel(2)();
#else
    parallel(2)(delayed(task)(1));
#endif
}
