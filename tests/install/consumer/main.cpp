// A user's program: prints the squares of 1 to 5.
#include <cstdio>
#include <fanout/fanout.hpp>
#include <vector>

int main() {
    const std::vector<int> numbers{1, 2, 3, 4, 5};
    const std::vector<int> squares = fanout::parallel(2)(fanout::delayed([](int i) { return i * i; }), numbers);
    for (int square : squares) std::printf("%d\n", square);
    return squares == std::vector<int>{1, 4, 9, 16, 25} ? 0 : 1;
}
