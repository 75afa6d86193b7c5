// Tests of crew.hpp and of the workers in it (child.hpp): who is hired works, and who has ended is noticed.
#include <fanout/processes/crew.hpp>

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <set>
#include <string>

#include "catch.hpp"
#include "support/leaks.hpp"
#include "support/portable_job.hpp"
#include "support/shared_counters.hpp"

using namespace fanout::detail;

namespace {

class nobody final : public patient {
    bool wait_for_bytes_of(seat&) override { return false; }
    void has_read_from(seat&) override {}
};

shared_state::measures flat_measures(int workers, std::size_t tasks) {
    return {.workers = workers, .tasks = tasks, .flat_size = sizeof(std::int64_t)};
}

/// Sleeps until all have ended. False: not within ten seconds.
bool all_end(crew& workers) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    for (;;) {
        bool anybody = false;
        for (const seat& each : workers.seats()) anybody = anybody || !each.ended;
        if (!anybody) return true;
        if (std::chrono::steady_clock::now() > until) return false;
        workers.sleep(std::chrono::milliseconds(100));
    }
}

portable_job::number_function squares() {
    return [](std::size_t i) { return static_cast<std::int64_t>(i * i); };
}

}  // namespace

TEST_CASE("workers that are hired do all tasks, each once, and end by themselves", "[crew]") {
    for (const int n_jobs : {1, 3}) {
        nobody reader;
        portable_job job({.size = 100}, squares());
        process_settings settings;
        settings.workers = n_jobs;
        crew workers(*job.portable(), settings, flat_measures(n_jobs, 100), false, reader);
        workers.hire_all();
        REQUIRE(all_end(workers));
        std::uint64_t run = 0;
        for (seat& each : workers.seats()) {
            CHECK(workers.slot_of(each).reached == phase::finished);
            CHECK(workers.slot_of(each).progress % 2 == 0);
            CHECK(each.process.reap().exit_code() == 0);
            run += workers.slot_of(each).tasks;
        }
        CHECK(run == 100);
        CHECK(workers.shared().tasks().all_done());
        for (std::size_t i = 0; i < 100; ++i)
            CHECK(*static_cast<std::int64_t*>(workers.shared().flat_result(i)) == static_cast<std::int64_t>(i * i));
    }
    CHECK_FALSE(has_children());
}

TEST_CASE("a worker that has done its share leaves, and another goes on in its place", "[crew]") {
    nobody reader;
    portable_job job({.size = 10}, squares());
    process_settings settings;
    settings.max_tasks = 4;
    crew workers(*job.portable(), settings, flat_measures(1, 10), false, reader);
    workers.hire_all();
    seat& only = *workers.seats().begin();
    std::set<long> pids;
    for (const phase last : {phase::retired, phase::retired, phase::finished}) {
        pids.insert(only.process.pid());
        REQUIRE(all_end(workers));
        CHECK(workers.slot_of(only).reached == last);
        // Its last chunk is one that it has claimed and not begun.
        const auto left = workers.shared().tasks().chunk_owned_by(claims::name_of(only.worker));
        CHECK(left.has_value() == (last == phase::retired));
        only.process.reap();
        only.rest = left ? workers.shared().tasks().tasks_of(*left) : fanout::task_range{};
        workers.clear(only);
        CHECK_FALSE(only.ended);
        only.vacant = last == phase::retired;
        CHECK(workers.any_vacant() == only.vacant);
        CHECK(workers.fill_vacant_seats() == (last == phase::retired));
    }
    CHECK(pids.size() == 3);
    CHECK(workers.shared().tasks().all_done());
}

TEST_CASE("whoever is left is killed when the crew goes", "[crew]") {
    const shared_counters counts;
    {
        nobody reader;
        portable_job job({.size = 2}, portable_job::number_function([&](std::size_t) -> std::int64_t {
                             ++counts[0];
                             for (;;) pause();
                         }));
        process_settings settings;
        settings.workers = 2;
        crew workers(*job.portable(), settings, flat_measures(2, 2), false, reader);
        workers.hire_all();
        while (counts[0] < 2) usleep(1'000);
        CHECK(has_children());
    }
    CHECK_FALSE(has_children());
}

TEST_CASE("a crew that sleeps is woken by its bell, and by a death", "[crew]") {
    nobody reader;
    portable_job job({.size = 1}, portable_job::number_function([](std::size_t) -> std::int64_t {
                         for (;;) pause();
                     }));
    crew workers(*job.portable(), {}, flat_measures(1, 1), false, reader);
    workers.hire_all();
    workers.parent_bell().ring();
    workers.sleep(std::chrono::hours(1));
    const seat& only = *workers.seats().begin();
    CHECK_FALSE(only.ended);
    only.process.kill();
    workers.sleep(std::chrono::hours(1));
    CHECK(only.ended);
}
