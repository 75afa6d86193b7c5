// error: fanout: delayed(f)(arguments...): f cannot be called with these arguments
#include <fanout/fanout.hpp>
#include <string>

using fanout::delayed;

void f() {
    const auto square = [](int i) { return i * i; };
#ifndef CORRECTED
    static_cast<void>(delayed(square)(std::string("two")));
#else
    static_cast<void>(delayed(square)(2));
#endif
}
