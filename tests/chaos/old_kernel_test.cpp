// A kernel without pidfds, before 5.3: workers are watched through pipes, and all goes on as usual.
#include <fanout/processes/processes.hpp>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cstddef>
#include <string>

#include "catch.hpp"
#include "support/killer.hpp"
#include "support/leaks.hpp"
#include "support/run_on_processes.hpp"
#include "support/sanitizers.hpp"

namespace {

[[maybe_unused]] bool forbid_pidfds() {
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog filter{static_cast<unsigned short>(sizeof program / sizeof program[0]), program};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

}  // namespace

#if !FANOUT_TESTS_UNDER_TSAN

TEST_CASE("without pidfds nothing is lost either", "[chaos]") {
    REQUIRE(forbid_pidfds());
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
