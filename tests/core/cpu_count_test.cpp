// Tests of cpu_count.hpp: cgroup quotas and core topology on made-up systems, the environment, affinity and n_jobs.
#include <fanout/core/cpu_count.hpp>

#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/made_up_system.hpp"

namespace {

using quota = std::optional<int>;
constexpr quota unlimited;

quota cpu_quota(const made_up_system& system) { return fanout::detail::cgroup_cpu_quota(system.root()); }

/// The quota of a version 2 group whose cpu.max reads `cpu_max`.
quota quota_of(const std::string& cpu_max) {
    made_up_system system;
    be_in_abc(system);
    return cpu_quota(system.file("/sys/fs/cgroup/a/b/c/cpu.max", cpu_max));
}

/// Sets FANOUT_MAX_CPUS for a scope, then puts back what was there.
class max_cpus {
public:
    explicit max_cpus(const char* value) {
        if (const char* before = std::getenv("FANOUT_MAX_CPUS")) before_ = before;
        set(value);
    }
    max_cpus(const max_cpus&) = delete;
    max_cpus& operator=(const max_cpus&) = delete;
    ~max_cpus() { set(before_ ? before_->c_str() : nullptr); }

private:
    static void set(const char* value) {
        if (value) {
            setenv("FANOUT_MAX_CPUS", value, 1);
        } else {
            unsetenv("FANOUT_MAX_CPUS");
        }
    }

    std::optional<std::string> before_;
};

std::string what_is_thrown_by(void (*function)()) {
    try {
        function();
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "nothing was thrown";
}

/// cpu_count() remembers, so some tests run themselves in a new process, where nobody has asked yet.
bool in_fresh_process() { return std::getenv("FANOUT_TEST_FRESH") != nullptr; }

bool passes_in_fresh_process(const std::string& test, const std::string& max_cpus) {
    const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
    const std::string command = "FANOUT_TEST_FRESH=1 FANOUT_MAX_CPUS=" + max_cpus + " '" + self + "' '" + test + "'";
    return std::system((command + " >&2").c_str()) == 0;
}

template <class Function>
bool holds_in_forked_child(Function function) {
    const pid_t child = fork();
    if (child == 0) _exit(function() ? 0 : 1);
    int status = -1;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool pin_this_thread_to(std::size_t cpu) {
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(cpu, &only);
    return sched_setaffinity(0, sizeof only, &only) == 0;
}

std::vector<std::size_t> affinity_cpus(std::size_t sets = 1) {
    std::vector<std::size_t> cpus;
    fanout::detail::for_each_cpu_allowed([&](std::size_t cpu) { cpus.push_back(cpu); }, sets);
    return cpus;
}

}  // namespace

TEST_CASE("a quota counts in whole CPUs rounded up", "[cpu_count]") {
    CHECK(quota_of("50000 100000\n") == 1);
    CHECK(quota_of("100000 100000\n") == 1);
    CHECK(quota_of("100001 100000\n") == 2);
    CHECK(quota_of("150000 100000\n") == 2);
    CHECK(quota_of("60000 20000") == 3);
    CHECK(quota_of("250000\n") == 3);
    CHECK(quota_of("1 1000000\n") == 1);
}

TEST_CASE("a quota that is max or unreadable does not limit", "[cpu_count]") {
    for (const char* text :
         {"max 100000\n", "max\n", "", "\n", "garbage", "1.5 100000\n", "99999999999999999999 1\n", "-1 100000\n",
          "0 100000\n", "150000 0\n", "150000 x\n", "150000 100000 7\n", "150000x 100000\n", " 150000 100000\n"}) {
        CAPTURE(text);
        CHECK(quota_of(text) == unlimited);
    }
}

TEST_CASE("missing files do not limit", "[cpu_count]") {
    made_up_system system;
    CHECK(cpu_quota(system) == unlimited);
    system.file("/proc/self/cgroup", "0::/a/b/c\n");
    CHECK(cpu_quota(system) == unlimited);
    system.file("/proc/self/mountinfo", v2_mount);
    CHECK(cpu_quota(system) == unlimited);
    system.file("/sys/fs/cgroup/a/b/c/cpu.max/directory", "");
    CHECK(cpu_quota(system) == unlimited);
}

TEST_CASE("garbage in the proc files does not limit", "[cpu_count]") {
    made_up_system system;
    system.file("/sys/fs/cgroup/cpu.max", "100000 100000\n");
    system.file("/proc/self/cgroup", "\n\n:\n::\nnonsense\n0\n0:\n");
    system.file("/proc/self/mountinfo", "\n - \nnonsense\n - cgroup2 cgroup2 rw\n1 2 3 - cgroup2\n\\ - \\04\n");
    CHECK(cpu_quota(system) == unlimited);
}

TEST_CASE("every level from the own group up to the mount point can limit", "[cpu_count]") {
    for (const char* level : {"", "/a", "/a/b", "/a/b/c"}) {
        CAPTURE(level);
        made_up_system system;
        be_in_abc(system);
        for (const char* other : {"/a", "/a/b", "/a/b/c"}) {
            system.file(std::string("/sys/fs/cgroup") + other + "/cpu.max", "max 100000\n");
        }
        system.file(std::string("/sys/fs/cgroup") + level + "/cpu.max", "300000 100000\n");
        CHECK(cpu_quota(system) == 3);
    }
}

TEST_CASE("the tightest level wins and groups beside the own path do not matter", "[cpu_count]") {
    made_up_system system;
    be_in_abc(system);
    system.file("/sys/fs/cgroup/a/cpu.max", "200000 100000\n");
    system.file("/sys/fs/cgroup/a/b/cpu.max", "800000 100000\n");
    system.file("/sys/fs/cgroup/a/b/c/cpu.max", "400000 100000\n");
    system.file("/sys/fs/cgroup/a/b/c/d/cpu.max", "100000 100000\n");
    system.file("/sys/fs/cgroup/b/cpu.max", "100000 100000\n");
    system.file("/sys/fs/cpu.max", "100000 100000\n");
    CHECK(cpu_quota(system) == 2);
}

TEST_CASE("a group name may contain colons", "[cpu_count]") {
    made_up_system system;
    system.file("/proc/self/cgroup", "0::/pods/cri:7:x\n").file("/proc/self/mountinfo", v2_mount);
    system.file("/sys/fs/cgroup/pods/cri:7:x/cpu.max", "200000 100000\n");
    CHECK(cpu_quota(system) == 2);
}

TEST_CASE("version 1 is found by its cpu controller alone or among others", "[cpu_count]") {
    for (const char* controllers : {"cpu", "cpu,cpuacct", "cpuacct,cpu"}) {
        CAPTURE(controllers);
        made_up_system system;
        system.file("/proc/self/cgroup", std::string("5:cpuset:/s\n4:") + controllers + ":/a/b\n3:name=systemd:/t\n");
        system.file("/proc/self/mountinfo", std::string("33 31 0:30 / /cg/set rw - cgroup cgroup rw,cpuset\n") +
                                                "32 31 0:29 / /cg/cpu rw - cgroup cgroup rw," + controllers + "\n");
        system.file("/cg/set/a/b/cpu.cfs_quota_us", "100000\n").file("/cg/cpu/s/cpu.cfs_quota_us", "100000\n");
        system.file("/cg/cpu/cpu.cfs_quota_us", "-1\n").file("/cg/cpu/cpu.cfs_period_us", "100000\n");
        system.file("/cg/cpu/a/cpu.cfs_quota_us", "75000\n").file("/cg/cpu/a/cpu.cfs_period_us", "50000\n");
        system.file("/cg/cpu/a/b/cpu.cfs_quota_us", "-1\n").file("/cg/cpu/a/b/cpu.cfs_period_us", "100000\n");
        CHECK(cpu_quota(system) == 2);
        system.file("/cg/cpu/a/cpu.cfs_quota_us", "0\n");
        CHECK(cpu_quota(system) == unlimited);
        system.file("/cg/cpu/a/b/cpu.cfs_quota_us", "50000\n");
        CHECK(cpu_quota(system) == 1);
    }
}

TEST_CASE("a controller that only sounds like cpu is not cpu", "[cpu_count]") {
    made_up_system system;
    system.file("/proc/self/cgroup", "4:cpu:/\n2:cpuacct:/\n");
    system.file("/proc/self/mountinfo", "33 31 0:30 / /cg rw - cgroup cgroup rw,cpuacct\n");
    system.file("/cg/cpu.cfs_quota_us", "100000\n");
    CHECK(cpu_quota(system) == unlimited);
}

TEST_CASE("what a container mounts of its own group is taken off the own path", "[cpu_count]") {
    made_up_system system;
    system.file("/proc/self/cgroup", "4:cpu,cpuacct:/docker/abc/child\n");
    system.file("/proc/self/mountinfo",
                "32 31 0:29 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct\n");
    system.file("/sys/fs/cgroup/cpu/child/cpu.cfs_quota_us", "200000\n");
    CHECK(cpu_quota(system) == 2);
    system.file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n");
    CHECK(cpu_quota(system) == 1);
}

TEST_CASE("a mount of another group limits by its mount point alone", "[cpu_count]") {
    for (const char* own : {"/docker/abcd/child", "/child", "/"}) {
        CAPTURE(own);
        made_up_system system;
        system.file("/proc/self/cgroup", std::string("0::") + own + "\n");
        system.file("/proc/self/mountinfo", "32 31 0:29 /docker/abc /cg ro - cgroup2 cgroup rw\n");
        system.file("/cg/cpu.max", "200000 100000\n").file("/cg/child/cpu.max", "100000 100000\n");
        system.file("/cgd/child/cpu.max", "100000 100000\n");
        CHECK(cpu_quota(system) == 2);
    }
}

TEST_CASE("a path out of the cgroup namespace does not lead out of the mount point", "[cpu_count]") {
    for (const char* own : {"/..", "/../..", "/../../other"}) {
        CAPTURE(own);
        made_up_system system;
        system.file("/proc/self/cgroup", std::string("0::") + own + "\n").file("/proc/self/mountinfo", v2_mount);
        system.file("/sys/cpu.max", "100000 100000\n").file("/sys/fs/cpu.max", "100000 100000\n");
        system.file("/sys/other/cpu.max", "100000 100000\n");
        CHECK(cpu_quota(system) == unlimited);
        system.file("/sys/fs/cgroup/cpu.max", "200000 100000\n");
        CHECK(cpu_quota(system) == 2);
    }
}

TEST_CASE("two dots that only begin a name are a name", "[cpu_count]") {
    made_up_system system;
    system.file("/proc/self/cgroup", "0::/..a\n").file("/proc/self/mountinfo", v2_mount);
    system.file("/sys/fs/cgroup/..a/cpu.max", "200000 100000\n");
    CHECK(cpu_quota(system) == 2);
}

TEST_CASE("a hybrid system is limited by the tighter of both versions", "[cpu_count]") {
    made_up_system system;
    system.file("/proc/self/cgroup", "4:cpu:/one\n0::/two\n");
    system.file("/proc/self/mountinfo",
                "32 31 0:29 / /cg/cpu rw - cgroup cgroup rw,cpu\n33 31 0:38 / /cg/unified rw - cgroup2 cgroup2 rw\n");
    system.file("/cg/cpu/two/cpu.cfs_quota_us", "100000").file("/cg/unified/one/cpu.max", "100000");
    system.file("/cg/cpu/one/cpu.cfs_quota_us", "400000\n").file("/cg/cpu/one/cpu.cfs_period_us", "100000\n");
    CHECK(cpu_quota(system) == 4);
    system.file("/cg/unified/two/cpu.max", "300000 100000\n");
    CHECK(cpu_quota(system) == 3);
    system.file("/cg/cpu/one/cpu.cfs_quota_us", "200000\n");
    CHECK(cpu_quota(system) == 2);
}

TEST_CASE("mount points with a space and optional fields are understood", "[cpu_count]") {
    made_up_system system;
    system.file("/proc/self/cgroup", "0::/x y/z\n");
    system.file("/proc/self/mountinfo",
                "33 31 0:38 /x\\040y /my\\040cgroups\\134 rw shared:1 master:2 - cgroup2 cgroup2 rw\n");
    system.file("/my cgroups\\/z/cpu.max", "200000 100000\n");
    CHECK(cpu_quota(system) == 2);
}

TEST_CASE("FANOUT_MAX_CPUS is a limit of its own", "[cpu_count]") {
    const max_cpus one("1");
    CHECK(fanout::read_cpu_limits().env == 1);
    CHECK(fanout::read_cpu_limits().count() == 1);
}

TEST_CASE("FANOUT_MAX_CPUS above the machine raises nothing", "[cpu_count]") {
    const max_cpus none(nullptr);
    const int without = fanout::read_cpu_limits().count();
    for (const char* many : {"1000000", "99999999999999999999999999"}) {
        const max_cpus set(many);
        CHECK(fanout::read_cpu_limits().env >= 1000000);
        CHECK(fanout::read_cpu_limits().count() == without);
    }
}

TEST_CASE("FANOUT_MAX_CPUS unset or empty is no limit", "[cpu_count]") {
    for (const char* nothing : {static_cast<const char*>(nullptr), ""}) {
        const max_cpus set(nothing);
        CHECK(fanout::read_cpu_limits().env == std::nullopt);
    }
}

TEST_CASE("FANOUT_MAX_CPUS that is no positive number is an error that says what to write", "[cpu_count]") {
    for (const char* wrong : {"abc", "0", "-1", "1.5", "4x", " 4", "0x4", "+4", "00"}) {
        const max_cpus set(wrong);
        CHECK(what_is_thrown_by([] { fanout::read_cpu_limits(); }) ==
              std::string("fanout: FANOUT_MAX_CPUS=") + wrong + ": expected a whole number of at least 1");
    }
}

TEST_CASE("cpu_count is the lowest limit", "[cpu_count]") {
    using limits = fanout::cpu_limits;
    STATIC_REQUIRE(limits{8, 6, unlimited, unlimited}.count() == 6);
    STATIC_REQUIRE(limits{8, 8, 3, unlimited}.count() == 3);
    STATIC_REQUIRE(limits{8, 8, 3, 2}.count() == 2);
    STATIC_REQUIRE(limits{8, 8, unlimited, 5}.count() == 5);
    STATIC_REQUIRE(limits{4, 8, 16, 32}.count() == 4);
}

TEST_CASE("the limits of this machine make sense", "[cpu_count]") {
    const fanout::cpu_limits limits = fanout::read_cpu_limits();
    CHECK(limits.hardware >= 1);
    CHECK(limits.affinity >= 1);
    CHECK(limits.quota.value_or(1) >= 1);
    CHECK(fanout::cpu_count() >= 1);
    CHECK(fanout::cpu_count() <= limits.hardware);
    CHECK(fanout::physical_cores() >= 1);
    CHECK(fanout::physical_cores() <= fanout::cpu_count());
}

constexpr const char* obeys_and_keeps = "cpu_count obeys FANOUT_MAX_CPUS of the first call and keeps it over fork";
TEST_CASE(obeys_and_keeps, "[cpu_count]") {
    if (!in_fresh_process()) {
        CHECK(passes_in_fresh_process(obeys_and_keeps, "1"));
        return;
    }
    CHECK(fanout::cpu_count() == 1);
    CHECK(fanout::physical_cores() == 1);
    CHECK(fanout::effective_n_jobs(-1) == 1);
    const max_cpus later("nonsense");
    CHECK(fanout::cpu_count() == 1);
    CHECK(holds_in_forked_child([] { return fanout::cpu_count() == 1; }));
}

constexpr const char* asks_late = "only a negative n_jobs asks the system and an error is not kept";
TEST_CASE(asks_late, "[cpu_count]") {
    if (!in_fresh_process()) {
        CHECK(passes_in_fresh_process(asks_late, "nonsense"));
        return;
    }
    CHECK(fanout::effective_n_jobs(1) == 1);
    CHECK(fanout::effective_n_jobs(7) == 7);
    CHECK_THROWS_AS(fanout::effective_n_jobs(-1), std::invalid_argument);
    CHECK_THROWS_AS(fanout::cpu_count(), std::invalid_argument);
    const max_cpus corrected("1");
    CHECK(fanout::cpu_count() == 1);
}

TEST_CASE("affinity is that of the calling thread", "[cpu_count]") {
    const auto cpus = affinity_cpus();
    REQUIRE(!cpus.empty());
    const int before = fanout::read_cpu_limits().affinity;
    CHECK(before == static_cast<int>(cpus.size()));

    bool pinned = false;
    fanout::cpu_limits limits{};
    std::thread([&] {
        pinned = pin_this_thread_to(cpus.back());
        limits = fanout::read_cpu_limits();
    }).join();
    REQUIRE(pinned);
    CHECK(limits.affinity == 1);
    CHECK(limits.count() == 1);
    CHECK(fanout::read_cpu_limits().affinity == before);
}

TEST_CASE("a process pinned to one CPU counts one", "[cpu_count]") {
    const auto cpus = affinity_cpus();
    REQUIRE(!cpus.empty());
    CHECK(holds_in_forked_child([&] {
        return pin_this_thread_to(cpus.back()) && fanout::read_cpu_limits().affinity == 1 &&
               affinity_cpus() == std::vector<std::size_t>{cpus.back()} && fanout::physical_cores() == 1;
    }));
}

TEST_CASE("a longer affinity mask gives the same CPUs", "[cpu_count]") { CHECK(affinity_cpus(8) == affinity_cpus()); }

TEST_CASE("sibling threads share a physical core", "[cpu_count]") {
    for (const char* list : {"core_cpus_list", "thread_siblings_list"}) {
        CAPTURE(list);
        made_up_system system;
        const auto siblings = [&](const char* cpu, const char* cpus) {
            system.file(std::string("/sys/devices/system/cpu/cpu") + cpu + "/topology/" + list, cpus);
        };
        siblings("0", "0,2\n");
        siblings("1", "1,3\n");
        siblings("2", "0,2\n");
        siblings("3", "1,3\n");
        siblings("4", "4-5\n");
        siblings("5", "4-5\n");
        siblings("6", "6\n");
        const auto cores = [&](const std::vector<std::size_t>& cpus) {
            return fanout::detail::distinct_cores(cpus, system.root());
        };
        CHECK(cores({0, 1, 2, 3}) == 2);
        CHECK(cores({0, 2}) == 1);
        CHECK(cores({2, 3}) == 2);
        CHECK(cores({3}) == 1);
        CHECK(cores({0, 1, 2, 3, 4, 5, 6}) == 4);
        CHECK(cores({0, 1, 7}) == std::nullopt);
    }
}

TEST_CASE("core_cpus_list goes before its older name", "[cpu_count]") {
    made_up_system system;
    system.file("/sys/devices/system/cpu/cpu1/topology/core_cpus_list", "1\n");
    system.file("/sys/devices/system/cpu/cpu1/topology/thread_siblings_list", "0-1\n");
    CHECK(fanout::detail::core_of(1, system.root()) == 1);
}

TEST_CASE("cores stay unknown when sysfs is missing or nonsense", "[cpu_count]") {
    made_up_system system;
    CHECK(fanout::detail::distinct_cores(std::vector<std::size_t>{0, 1}, system.root()) == std::nullopt);
    CHECK(fanout::detail::distinct_cores(std::vector<std::size_t>{}, system.root()) == std::nullopt);
    for (const char* nonsense : {"", "\n", "x", "-", "99999999999", "1"}) {
        CAPTURE(nonsense);
        system.file("/sys/devices/system/cpu/cpu0/topology/core_cpus_list", nonsense);
        CHECK(fanout::detail::distinct_cores(std::vector<std::size_t>{0}, system.root()) == std::nullopt);
    }
}

TEST_CASE("n_jobs means what it means to joblib", "[cpu_count]") {
    const int all = fanout::cpu_count();
    const auto at_least_one = [](int n) { return n > 1 ? n : 1; };
    CHECK(fanout::effective_n_jobs(1) == 1);
    CHECK(fanout::effective_n_jobs(3) == 3);
    CHECK(fanout::effective_n_jobs(INT_MAX) == INT_MAX);
    CHECK(fanout::effective_n_jobs(-1) == all);
    CHECK(fanout::effective_n_jobs(-2) == at_least_one(all - 1));
    CHECK(fanout::effective_n_jobs(-3) == at_least_one(all - 2));
    CHECK(fanout::effective_n_jobs(-all) == 1);
    CHECK(fanout::effective_n_jobs(-1000000) == 1);
    CHECK(fanout::effective_n_jobs(INT_MIN) == 1);
}

TEST_CASE("n_jobs of zero is an error that says what to write", "[cpu_count]") {
    CHECK(what_is_thrown_by([] { fanout::effective_n_jobs(0); }) ==
          "fanout: n_jobs = 0 has no meaning; give 1 or more, or -1 for all CPUs, -2 for all but one");
}
