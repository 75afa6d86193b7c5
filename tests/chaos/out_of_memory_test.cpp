// A worker that the kernel kills because its control group is out of memory, and one that somebody kills in the same
// group: only the first is said to have died of that.
#include <fanout/processes/processes.hpp>

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <fstream>
#include <iostream>
#include <string>

#include "catch.hpp"
#include "support/in_a_child.hpp"
#include "support/matchers.hpp"
#include "support/portable_job.hpp"
#include "support/sanitizers.hpp"

namespace {

[[maybe_unused]] bool write_to_file(const std::string& path, const std::string& text) {
    return static_cast<bool>(std::ofstream(path) << text << std::flush);
}

/// A group below the own one whose processes may use 64 MB together, or none if this one may not make such groups.
class small_group {
public:
    small_group() {
        fanout::detail::for_each_own_cgroup("", "memory", [&](const std::string& own) {
            if (!folder_.empty()) return false;
            const std::string folder = own + "fanout_test_" + std::to_string(getpid());
            if (mkdir(folder.c_str(), 0755) != 0) return false;
            write_to_file(folder + "/memory.swap.max", "0");
            const std::string limit = std::to_string(64 << 20);
            if (write_to_file(folder + "/memory.max", limit) || write_to_file(folder + "/memory.limit_in_bytes", limit))
                folder_ = folder;
            else
                rmdir(folder.c_str());
            return false;
        });
    }
    small_group(const small_group&) = delete;
    small_group& operator=(const small_group&) = delete;
    ~small_group() {
        if (!folder_.empty()) rmdir(folder_.c_str());
    }

    bool is_there() const { return !folder_.empty(); }
    bool enter() const { return write_to_file(folder_ + "/cgroup.procs", std::to_string(getpid())); }

private:
    std::string folder_;
};

}  // namespace

#if !FANOUT_TESTS_UNDER_TSAN && !FANOUT_TESTS_UNDER_ASAN  // which need more memory than that

TEST_CASE("out of memory is said of a worker that the kernel has killed, and of no other", "[chaos]") {
    const small_group group;
    if (!group.is_there()) {
        std::cout << "skipped: no control group for memory can be made here\n";
        return;
    }
    const std::string said = in_a_child([&] {
        if (!group.enter()) return std::string("could not enter the group");
        portable_job job({.size = 6}, portable_job::text_function([](std::size_t i) {
                             if (i == 2) return std::string(std::size_t(300) << 20, 'x').substr(0, 1);
                             if (i == 4) kill(getpid(), SIGKILL);
                             return std::to_string(i);
                         }));
        fanout::processes{.retries = 1}.run(job, 2);
        if (!job.each_stored_once()) return std::string("not each once");
        for (const std::size_t i : {0u, 1u, 3u, 5u})
            if (job.texts[i] != std::to_string(i)) return std::string("a task of others was lost");
        if (!job.failures[2] || !job.failures[4]) return std::string("no failure");
        return job.failures[2]->what + "\n" + job.failures[4]->what;
    });
    const std::size_t end = said.find('\n');
    REQUIRE(end != said.npos);
    CHECK_THAT(said.substr(0, end), containing("out of memory (SIGKILL)") && containing("use a smaller n_jobs"));
    CHECK_THAT(said.substr(end), containing("killed from outside (SIGKILL)"));
}

#endif
