// A user's program: prints the squares and the cubes of 1 to 5.
#include <cstdio>
#include <fanout/fanout.hpp>
#include <vector>

#include "library.hpp"

int main() {
    const std::vector<int> numbers{1, 2, 3, 4, 5};
    const std::vector<int> squares = fanout::parallel(2)(fanout::delayed([](int i) { return i * i; }), numbers);
    for (int square : squares) std::printf("%d\n", square);
    // The library is called from a task too, so that its call is one inside of ours.
    const auto all = fanout::parallel(2)(fanout::delayed(cubes), std::vector{numbers, numbers});
    for (int cube : all[1]) std::printf("%d\n", cube);
    const bool good = squares == std::vector{1, 4, 9, 16, 25} && all[0] == std::vector{1, 8, 27, 64, 125};
    return good ? 0 : 1;
}
