#include "library.hpp"

#include <fanout/fanout.hpp>
#include <vector>

std::vector<int> cubes(const std::vector<int>& of) {
    return fanout::parallel(2, fanout::processes{})(fanout::delayed([](int i) { return i * i * i; }), of);
}
