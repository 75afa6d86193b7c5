// error: can be neither copied nor moved
#include <fanout/fanout.hpp>
#include <memory>
#include <mutex>

using fanout::delayed, fanout::parallel;

void f() {
#ifndef CORRECTED
    parallel(2)(delayed([] { return std::mutex(); })());
#else
    parallel(2)(delayed([] { return std::make_unique<std::mutex>(); })());
#endif
}
