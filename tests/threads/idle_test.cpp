// Threads without work cost nothing: after a short wait awake they sleep.
#include <fanout/front/parallel.hpp>

#include <time.h>

#include <chrono>
#include <latch>
#include <ranges>
#include <thread>

#include "catch.hpp"

using fanout::delayed, fanout::parallel;
using namespace std::chrono_literals;

namespace {

std::chrono::nanoseconds cpu_time() {
    timespec used{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

template <class Run>
void use_all(const Run& run, int n_jobs) {
    std::latch all_there(n_jobs);
    run(delayed([&](int) { all_there.arrive_and_wait(); }), std::views::iota(0, n_jobs));
}

}  // namespace

TEST_CASE("idle threads use no CPU, those of objects and those shared by temporaries", "[threads][idle]") {
    const auto kept = parallel(2);
    const auto kept_waiting = parallel(16);
    use_all(kept, 2);
    use_all(kept_waiting, 16);
    use_all(parallel(2), 2);
    use_all(parallel(16), 16);

    std::this_thread::sleep_for(5ms);  // they may stay awake for a moment; what is measured is idleness itself
    const auto before = cpu_time();
    std::this_thread::sleep_for(200ms);
    CHECK(cpu_time() - before < 20ms);
}

TEST_CASE("a thread that finds all tasks taken does not burn CPU while the last one runs", "[threads][idle]") {
    for (const int n_jobs : {2, 16}) {
        const auto kept = parallel(n_jobs);
        use_all(kept, n_jobs);
        const auto before = cpu_time();
        kept(delayed([](int i) {
                 if (i == 0) std::this_thread::sleep_for(200ms);
             }),
             std::views::iota(0, n_jobs));
        CHECK(cpu_time() - before < 20ms);
    }
}
