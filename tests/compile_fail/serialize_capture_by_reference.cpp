// error: fanout: the type named here cannot be sent to another process: this class hides a pointer or a union
#include <fanout/serialize/codec.hpp>

void f(fanout::writer& to) {
    int factor = 2;
#ifndef CORRECTED
    const auto scale = [&factor](int i) { return factor * i; };
#else
    const auto scale = [factor](int i) { return factor * i; };
#endif
    to(scale);
}
