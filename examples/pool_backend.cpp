// fanout's loops on a thread pool that the program has already: pool and backend are in pool_backend.hpp.

#include "pool_backend.hpp"

#include <cstdio>
#include <cstdlib>
#include <fanout/fanout.hpp>
#include <ranges>
#include <vector>

using fanout::delayed;
using fanout::parallel;

int main() {
    thread_pool pool(3);
    const auto on_pool = parallel(4, pool_backend(pool));

    // Calls inside of tasks: with all threads of the pool in them, and still nobody waits for a thread.
    const auto sum_below = [&](int n) {
        long sum = 0;
        for (const int i : on_pool(delayed([](int i) { return i; }), std::views::iota(0, n))) sum += i;
        return sum;
    };
    const std::vector<long> sums = on_pool(delayed(sum_below), std::views::iota(0, 1000));

    std::printf("%zu sums on the pool, the last is %ld\n", sums.size(), sums.back());
    return sums.back() == 999L * 998 / 2 ? EXIT_SUCCESS : EXIT_FAILURE;
}
