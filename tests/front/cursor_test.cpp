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
