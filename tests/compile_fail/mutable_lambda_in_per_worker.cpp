// error: fanout: per_worker: several workers make their objects at once, so the function must be callable as const
#include <fanout/fanout.hpp>

int f() {
#ifndef CORRECTED
    fanout::per_worker numbers([count = 0]() mutable { return ++count; });
#else
    fanout::per_worker numbers([count = 0] { return count; });
#endif
    return numbers.local();
}
