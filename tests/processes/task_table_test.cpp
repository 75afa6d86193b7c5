// Tests of task_table.hpp: what a dead worker has left of its chunk, and which flat results there are.
#include <fanout/processes/task_table.hpp>

#include <cstdint>
#include <string>

#include "catch.hpp"
#include "support/portable_job.hpp"

using namespace fanout::detail;

namespace {

constexpr std::size_t nothing_came = static_cast<std::size_t>(-1);

bool is(fanout::task_range range, std::size_t first, std::size_t last) {
    return range.first == first && range.last == last;
}

}  // namespace

TEST_CASE("of a chunk what has not been delivered is left", "[task_table]") {
    portable_job job({.size = 10}, portable_job::text_function([](std::size_t) { return std::string(); }));
    const shared_state shared({.workers = 2, .ring_size = 4096, .tasks = 10, .chunk = 5});
    task_table table(shared, *job.portable());
    std::size_t swept = 0;
    REQUIRE(shared.tasks().claim(claims::name_of(1), swept) == 0U);

    CHECK(is(table.unfinished_of(1, nothing_came, 0), 0, 5));
    CHECK(is(table.unfinished_of(1, 3, 0), 3, 5));
    CHECK_FALSE(table.unfinished_of(0, nothing_came, 0));
    CHECK(table.may_come_from(0, 1, nothing_came));
    CHECK(table.may_come_from(3, 1, 3));
    CHECK_FALSE(table.may_come_from(4, 1, 3));
    CHECK_FALSE(table.may_come_from(0, 0, nothing_came));
    CHECK_FALSE(table.may_come_from(7, 1, nothing_came));
    CHECK_FALSE(table.may_come_from(99, 1, nothing_came));
    table.note_written(4);
    CHECK_FALSE(table.unfinished_of(1, 5, 0));
    CHECK(table.any_free());
}

TEST_CASE("flat results are stored but for those of tasks that failed or never ran", "[task_table]") {
    portable_job job({.size = 10}, portable_job::number_function([](std::size_t) { return std::int64_t(0); }));
    const shared_state shared({.workers = 1, .ring_size = 4096, .tasks = 10, .chunk = 1, .flat_size = 8});
    task_table table(shared, *job.portable());
    std::size_t swept = 0;
    claims mine = shared.tasks();
    for (std::int64_t i = 0; i < 9; ++i) {
        const auto chunk = mine.claim(claims::name_of(0), swept);
        REQUIRE(chunk == static_cast<std::size_t>(i));
        *static_cast<std::int64_t*>(shared.flat_result(*chunk)) = i + 100;
        if (i != 7) mine.finish(*chunk);
    }
    table.note_failed(2);
    table.store_flat_results();
    for (std::size_t i = 0; i < 10; ++i) {
        const bool there = i != 2 && i != 7 && i != 9;
        CHECK(job.stored[i] == there);
        if (there) CHECK(job.numbers[i] == static_cast<std::int64_t>(i) + 100);
    }
}
