// Tests of task_seed.hpp: seeds that depend on the task and on nothing else.
#include <fanout/core/task_seed.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <vector>

#include "catch.hpp"

using fanout::task_seed;

TEST_CASE("seeds are those of splitmix64, on every machine", "[task_seed]") {
    // The first numbers of the published generator, started with 0.
    static_assert(task_seed(0) == 0xe220a8397b1dcdaf);
    static_assert(task_seed(1) == 0x6e789e6aa1b965f4);
    static_assert(task_seed(2) == 0x06c45d188009454f);
    CHECK(task_seed(0) == task_seed(0, 0));
}

TEST_CASE("a million tasks have a million seeds, in every run", "[task_seed]") {
    std::vector<std::uint64_t> seeds;
    for (std::size_t i = 0; i < 500'000; ++i) {
        seeds.push_back(task_seed(i));
        seeds.push_back(task_seed(i, 1));
    }
    std::sort(seeds.begin(), seeds.end());
    CHECK(std::adjacent_find(seeds.begin(), seeds.end()) == seeds.end());
}

TEST_CASE("runs with neighbouring seeds are no shifted copies of each other", "[task_seed]") {
    std::vector<std::uint64_t> first, second, both;
    for (std::size_t i = 0; i < 100'000; ++i) {
        first.push_back(task_seed(i, 41));
        second.push_back(task_seed(i, 42));
    }
    std::sort(first.begin(), first.end());
    std::sort(second.begin(), second.end());
    std::set_intersection(first.begin(), first.end(), second.begin(), second.end(), std::back_inserter(both));
    CHECK(both.empty());
}

TEST_CASE("neighbours differ in about half of their bits", "[task_seed]") {
    int differing = 0;
    for (std::size_t i = 0; i < 10'000; ++i) differing += std::popcount(task_seed(i) ^ task_seed(i + 1));
    CHECK(differing > 10'000 * 31);
    CHECK(differing < 10'000 * 33);
}
