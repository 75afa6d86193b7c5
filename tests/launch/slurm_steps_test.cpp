// Tests of slurm_steps.hpp with commands of a Slurm that is made up; those with a real one are in tests/engines.
#include <fanout/launch/slurm.hpp>

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <ranges>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/matchers.hpp"
#include "support/tests_with_workers.hpp"

using namespace fanout;
using namespace std::chrono_literals;

namespace {

/// A job 7 of two nodes with a CPU each. `srun` runs the worker here, and notes its words and when it was called.
class fake_slurm {
public:
    explicit fake_slurm(const std::string& squeue) {
        char name[] = "/tmp/fanout-test-XXXXXX";
        folder_ = mkdtemp(name);
        script("squeue", squeue);
        script("srun", "echo \"$@\" >> " + folder_ +
                           "/started\n"
                           "case \"$*\" in *nodelist=bad*) echo 'bad: no such program' >&2; exit 1;; esac\n"
                           "while case $1 in -*) true;; *) false;; esac; do shift; done\n"
                           "exec \"$@\"\n");
        const char* const path = std::getenv("PATH");
        path_ = path ? path : "";
        setenv("PATH", (folder_ + ":" + path_).c_str(), 1);
        setenv("SLURM_JOB_ID", "7", 1);
        setenv("SLURM_JOB_CPUS_PER_NODE", "1(x2)", 1);
        have_nodes("n1,n2");
    }
    ~fake_slurm() {
        setenv("PATH", path_.c_str(), 1);
        for (const char* each : {"SLURM_JOB_ID", "SLURM_JOB_CPUS_PER_NODE", "SLURM_JOB_NODELIST"}) unsetenv(each);
        std::filesystem::remove_all(folder_);
    }

    static void have_nodes(const char* nodes) { setenv("SLURM_JOB_NODELIST", nodes, 1); }

    /// The words of each srun.
    std::vector<std::string> started() const {
        std::vector<std::string> lines;
        std::ifstream file(folder_ + "/started");
        for (std::string line; std::getline(file, line);) lines.push_back(line);
        return lines;
    }

private:
    void script(const std::string& name, const std::string& text) const {
        const std::string whole = folder_ + "/" + name;
        std::ofstream(whole) << "#!/bin/sh\n" << text;
        chmod(whole.c_str(), 0700);
    }

    std::string folder_, path_;
};

const auto parent_of = delayed([](int) { return long(getppid()); });
const auto same = delayed([](int i) { return i; });

tcp on_slurm() { return tcp{.workers = slurm{}, .listen = "127.0.0.1:0", .patience = 30s}; }

}  // namespace

TEST_CASE("in one part of an array job a lost worker is replaced, though Slurm tells of the other parts as well") {
    const fake_slurm slurm("printf '8|RUNNING|1:00:00|n8\\n7|RUNNING|1:00:00|n[1-2]\\n9|PENDING|1:00:00|\\n'");
    const auto cluster = parallel(2, on_slurm());
    for (const long each : cluster(parent_of, std::views::iota(0, 20))) kill(static_cast<pid_t>(each), SIGKILL);
    std::vector<int> expected(20);
    std::iota(expected.begin(), expected.end(), 0);
    CHECK(cluster(same, std::views::iota(0, 20)) == expected);
    CHECK_THAT(slurm.started().front(), !containing("--cpu-bind"));
}

TEST_CASE("a program that is a step itself does not pass on what it is bound to") {
    const fake_slurm slurm("echo '7|RUNNING|1:00:00|n[1-2]'");
    setenv("SLURM_CPU_BIND", "quiet,mask_cpu:0x1", 1);
    CHECK(parallel(2, on_slurm())(same, std::vector{1, 2}) == std::vector{1, 2});
    unsetenv("SLURM_CPU_BIND");
    CHECK_THAT(slurm.started().front(), containing("--cpu-bind=none"));
}

TEST_CASE("a node on which nothing can be started is asked ever more seldom while the others work") {
    const fake_slurm slurm("echo '7|RUNNING|1:00:00|n1,bad'");
    fake_slurm::have_nodes("n1,bad");
    const auto cluster = parallel(2, on_slurm());
    const auto until = std::chrono::steady_clock::now() + 4s;
    while (std::chrono::steady_clock::now() < until) CHECK(cluster(same, std::vector{1, 2}) == std::vector{1, 2});
    std::size_t tried = 0;
    for (const std::string& each : slurm.started()) tried += each.find("nodelist=bad") != std::string::npos;
    CHECK(tried >= 2);
    CHECK(tried <= 7);
}

TEST_CASE("a job of which Slurm knows nothing any more is an error with the question") {
    const fake_slurm slurm("printf '8|RUNNING|1:00:00|n8\\n'");
    try {
        parallel(2, on_slurm())(same, std::vector{1, 2});
        FAIL("it ran");
    } catch (const pool_broken& e) {
        CHECK_THAT(e.what(), containing("job 7 has ended"));
        CHECK_THAT(e.what(), containing("squeue --noheader --jobs=7"));
    }
}
