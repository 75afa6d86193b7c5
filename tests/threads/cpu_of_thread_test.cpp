// Tests of cpu_of_thread.hpp: a thread leaves its CPU if it may, and may use the same CPUs as before.
#include <fanout/threads/cpu_of_thread.hpp>

#include <sched.h>
#include <cstddef>
#include <thread>

#include "catch.hpp"

using fanout::detail::current_cpu, fanout::detail::move_to_another_cpu;

namespace {

cpu_set_t allowed_cpus() {
    cpu_set_t allowed;
    REQUIRE(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
    return allowed;
}

template <class Use>
void on_a_thread(Use use) {
    std::thread(use).join();
}

}  // namespace

TEST_CASE("a thread knows on which CPU it runs", "[cpu_of_thread]") {
    on_a_thread([] {
        const cpu_set_t before = allowed_cpus();
        const int cpu = current_cpu();
        REQUIRE(cpu >= 0);
        CHECK(CPU_ISSET(static_cast<std::size_t>(cpu), &before));
    });
}

TEST_CASE("a thread that moves keeps the choice of CPUs that it had", "[cpu_of_thread]") {
    on_a_thread([] {
        const cpu_set_t before = allowed_cpus();
        for (int moves = 0; moves < 100; ++moves) move_to_another_cpu();
        const cpu_set_t after = allowed_cpus();
        CHECK(CPU_EQUAL(&before, &after));
    });
}

TEST_CASE("a thread that was pinned to its CPU stays there", "[cpu_of_thread]") {
    on_a_thread([] {
        const auto cpu = static_cast<std::size_t>(current_cpu());
        cpu_set_t only;
        CPU_ZERO(&only);
        CPU_SET(cpu, &only);
        REQUIRE(sched_setaffinity(0, sizeof only, &only) == 0);
        move_to_another_cpu();
        CHECK(current_cpu() == static_cast<int>(cpu));
        const cpu_set_t after = allowed_cpus();
        CHECK(CPU_EQUAL(&only, &after));
    });
}
