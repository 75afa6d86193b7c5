// Links with a file for each header of fanout: a function there that is not inline would be defined many times.
#include <fanout/fanout.hpp>

int main() {
    const auto [sum, product] = fanout::parallel(2)(fanout::delayed([](int a, int b) { return a + b; })(2, 3),
                                                    fanout::delayed([](int a, int b) { return a * b; })(2, 3));
    return sum == 5 && product == 6 ? 0 : 1;
}
