// fanout's loops on oneTBB's threads, for a program that has these already: the backend is in tbb_backend.hpp.

#include "tbb_backend.hpp"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fanout/fanout.hpp>
#include <ranges>
#include <stdexcept>
#include <string>

using fanout::delayed;
using fanout::parallel;

double root(int i) {
    if (i < 0) throw std::domain_error("no root of " + std::to_string(i));
    return std::sqrt(i);
}

int main() {
    const auto numbers = std::views::iota(-2, 100'000);
    const auto on_tbb = parallel(4, tbb_backend{});

    const auto outcomes = on_tbb.outcomes(delayed(root), numbers);
    std::printf("%zu tasks on oneTBB, the last root is %.3f\n", outcomes.size(), outcomes.back().value());
    std::printf("%s\n", outcomes.front().error().message().c_str());

    bool thrown = false;
    try {
        on_tbb(delayed(root), numbers);
    } catch (const std::domain_error& error) {
        thrown = true;
        std::printf("thrown as it is: %s\n", error.what());
    }
    return thrown && outcomes[2].value() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
