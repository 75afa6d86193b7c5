// error: so operator() must be const: no mutable lambda
#include <fanout/fanout.hpp>
#include <tuple>

using fanout::delayed, fanout::parallel;

std::tuple<int> f() {
#ifndef CORRECTED
    return parallel(2)(delayed([count = 0](int i) mutable { return i + ++count; })(1));
#else
    return parallel(2)(delayed([count = 0](int i) { return i + count; })(1));
#endif
}
