// A kernel without pidfds, before 5.3: workers are watched through pipes, and all goes on as usual.
#include <fanout/processes/processes.hpp>

#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <string>

#include "catch.hpp"
#include "support/killer.hpp"
#include "support/leaks.hpp"
#include "support/refused_calls.hpp"
#include "support/run_on_processes.hpp"
#include "support/sanitizers.hpp"

#if !FANOUT_TESTS_UNDER_TSAN

TEST_CASE("without pidfds nothing is lost either", "[chaos]") {
    REQUIRE(refuse_call(SYS_pidfd_open, ENOSYS));
    REQUIRE_FALSE(fanout::detail::worker_process::pidfds_work());
    const int descriptors = open_descriptors();
    for (unsigned round = 0; round < 10; ++round) {
        const killer attacker(round, 3'000);
        portable_job job({.size = 300, .timeout = 5}, portable_job::text_function([](std::size_t i) {
                             usleep(300);
                             return std::to_string(i);
                         }));
        fanout::detail::process_settings settings;
        settings.workers = 3;
        settings.retries = 1'000;
        settings.most_barren_deaths = 1'000;  // they may be killed before they come to a task
        run_on_processes(job, settings);
        REQUIRE(job.each_stored_once());
        for (std::size_t i = 0; i < 300; ++i) REQUIRE(job.texts[i] == std::to_string(i));
    }
    CHECK_FALSE(has_children());
    CHECK(open_descriptors() == descriptors);
}

#endif
