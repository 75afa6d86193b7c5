// Tests of cursor.hpp: the claims of all workers together are the whole, once.
#include <fanout/front/cursor.hpp>

#include <atomic>
#include <cstddef>
#include <limits>
#include <thread>
#include <vector>

#include "catch.hpp"

using fanout::task_range, fanout::detail::cursor;

namespace {

bool is(const task_range& range, std::size_t first, std::size_t last) {
    return range.first == first && range.last == last;
}

}  // namespace

TEST_CASE("claims follow one another up to the end, and come back empty then", "[cursor]") {
    cursor next;
    CHECK(is(next.claim(3, 10), 0, 3));
    CHECK(is(next.claim(5, 10), 3, 8));
    CHECK(is(next.claim(5, 10), 8, 10));
    CHECK_FALSE(next.claim(5, 10));
    CHECK_FALSE(next.claim(1, 10));
}

TEST_CASE("a claim of more than there is takes all, however much more, and never runs over", "[cursor]") {
    constexpr auto most = std::numeric_limits<std::size_t>::max();
    cursor next;
    CHECK(is(next.claim(most, 10), 0, 10));
    for (int i = 0; i < 1000; ++i) REQUIRE_FALSE(next.claim(most, 10));
    CHECK_FALSE(cursor().claim(1, 0));
}

TEST_CASE("several threads claim every task exactly once", "[cursor]") {
    constexpr std::size_t size = 200'003;
    cursor next;
    std::vector<std::atomic<unsigned char>> claimed(size);
    {
        std::vector<std::jthread> workers;
        for (std::size_t worker = 0; worker < 4; ++worker)
            workers.emplace_back([&, most = 2 * worker + 1] {
                while (const task_range tasks = next.claim(most, size))
                    for (std::size_t i = tasks.first; i < tasks.last; ++i) ++claimed[i];
            });
    }
    std::size_t once = 0;
    for (const auto& each : claimed) once += each == 1;
    CHECK(once == size);
}

TEST_CASE("of two claims at the same moment that want the same rest, neither goes beyond the end", "[cursor]") {
    constexpr int rounds = 100'000;
    constexpr std::size_t size = 10;
    std::vector<cursor> all(rounds);
    std::atomic<int> there[2] = {0, 0};
    std::atomic<int> beyond = 0;
    {
        std::vector<std::jthread> workers;
        for (int worker = 0; worker < 2; ++worker)
            workers.emplace_back([&, worker] {
                for (int round = 0; round < rounds; ++round) {
                    ++there[worker];
                    for (int looks = 1; there[1 - worker] <= round; ++looks)
                        if (looks % 1000 == 0) std::this_thread::yield();  // both may have one CPU
                    const task_range tasks = all[static_cast<std::size_t>(round)].claim(7, size);
                    if (tasks.last > size) ++beyond;
                }
            });
    }
    CHECK(beyond == 0);
}
