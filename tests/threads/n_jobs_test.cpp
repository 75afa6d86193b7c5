// How many tasks run at once: as many as asked for where tasks wait, never more.
#include <fanout/front/parallel.hpp>

#include <barrier>
#include <latch>
#include <mutex>
#include <ranges>
#include <set>
#include <thread>
#include <tuple>

#include "catch.hpp"
#include "support/each_backend.hpp"
#include "support/generator.hpp"
#include "support/in_flight.hpp"
#include "support/threads_of_this_process.hpp"

using fanout::delayed, fanout::parallel;

namespace {

/// More than any machine that these tests run on has CPUs.
int many() { return 2 * fanout::cpu_count() + 14; }

/// The threads that ran the tasks of a call.
class visitors {
public:
    void enter() {
        const std::lock_guard lock(mutex_);
        ids_.insert(std::this_thread::get_id());
    }
    std::size_t size() const { return ids_.size(); }
    bool include(std::thread::id id) const { return ids_.contains(id); }

private:
    std::mutex mutex_;
    std::set<std::thread::id> ids_;
};

}  // namespace

TEST_CASE("with more jobs than CPUs, that many tasks really run at once", "[threads][n_jobs]") {
    on_threads({.n_jobs = many()}, [](const auto& run) {
        std::latch all_there(many());  // hangs unless all of them are in it at the same time
        run(delayed([&](int) { all_there.arrive_and_wait(); }), std::views::iota(0, many()));

        std::barrier again(many());
        run(delayed([&](int) { again.arrive_and_wait(); }), std::views::iota(0, 3 * many()));
        CHECK(all_there.try_wait());
    });
}

TEST_CASE("a small call before does not take threads from a large one after it", "[threads][n_jobs]") {
    on_threads({.n_jobs = many()}, [](const auto& run) {
        run(delayed([](int) {}), std::views::iota(0, 2));
        std::latch all_there(many());
        run(delayed([&](int) { all_there.arrive_and_wait(); }), std::views::iota(0, many()));
        CHECK(all_there.try_wait());
    });
}

TEST_CASE("input that is read once is worked on by n_jobs tasks at once too", "[threads][n_jobs]") {
    on_threads({.n_jobs = many()}, [](const auto& run) {
        std::latch all_there(many());
        run(delayed([&](int) { all_there.arrive_and_wait(); }), generate(many(), [](int i) { return i; }));
        CHECK(all_there.try_wait());
    });
}

TEST_CASE("several calls run at once as well", "[threads][n_jobs]") {
    on_threads({.n_jobs = 3}, [](const auto& run) {
        std::latch all_there(3);
        const auto arrive = delayed([&](int i) {
            all_there.arrive_and_wait();
            return i;
        });
        CHECK(run(arrive(1), arrive(2), arrive(3)) == std::tuple(1, 2, 3));
    });
}

TEST_CASE("never more than n_jobs tasks run at once", "[threads][n_jobs]") {
    for (const int n_jobs : {1, 2, 5})
        on_each_backend({.n_jobs = n_jobs}, [&](const auto& run) {
            in_flight tasks;
            const auto task = [&](int) {
                const in_flight::guard running(tasks);
                std::this_thread::yield();
            };
            run(delayed(task), std::views::iota(0, 1000));
            run(delayed(task), generate(1000, [](int i) { return i; }));
            CHECK(tasks.most() <= n_jobs);
            CHECK(tasks.now() == 0);
        });
}

TEST_CASE("one job runs in the calling thread", "[threads][n_jobs]") {
    on_each_backend({.n_jobs = 1}, [](const auto& run) {
        visitors seen;
        run(delayed([&](int) { seen.enter(); }), std::views::iota(0, 100));
        CHECK(seen.size() == 1);
        CHECK(seen.include(std::this_thread::get_id()));
    });
}

TEST_CASE("an object keeps its threads from call to call, and ends them with itself", "[threads][n_jobs]") {
    const int before = threads_of_this_process();  // joblib T23, T55
    {
        const auto kept = parallel(4);
        visitors seen;
        for (int call = 0; call < 10; ++call) {
            std::barrier all_there(4);
            kept(delayed([&](int) {
                     seen.enter();
                     all_there.arrive_and_wait();
                 }),
                 std::views::iota(0, 4));
        }
        CHECK(seen.size() == 4);
        CHECK(seen.include(std::this_thread::get_id()));
        CHECK(threads_of_this_process() <= before + 3);
    }
    CHECK(threads_come_down_to(before));
}

TEST_CASE("an object that has not needed its threads yet has none", "[threads][n_jobs]") {
    const int before = threads_of_this_process();
    const auto kept = parallel(8);
    kept(delayed([](int) {}), std::views::iota(0, 1));
    CHECK(threads_of_this_process() <= before);
}

TEST_CASE("temporaries use the same threads again", "[threads][n_jobs]") {
    const auto call = [](int n_jobs) {
        std::barrier all_there(n_jobs);
        parallel(n_jobs)(delayed([&](int) { all_there.arrive_and_wait(); }), std::views::iota(0, n_jobs));
    };
    call(many());
    const int after_the_first = threads_of_this_process();
    for (int i = 0; i < 10; ++i) call(many());
    CHECK(threads_of_this_process() <= after_the_first);
}
