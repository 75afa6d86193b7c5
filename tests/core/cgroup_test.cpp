// Tests of cgroup.hpp: which folders are those of the own groups, on made-up systems.
#include <fanout/core/cgroup.hpp>

#include <string>
#include <vector>

#include "catch.hpp"
#include "support/made_up_system.hpp"

namespace {

/// Without the root of the system, and as far up as `levels`.
std::vector<std::string> visited(const made_up_system& system, const std::string& controller, int levels = 100) {
    std::vector<std::string> folders;
    fanout::detail::for_each_own_cgroup(system.root(), controller, [&](const std::string& folder) {
        folders.push_back(folder.substr(system.root().size()));
        return --levels > 0;
    });
    return folders;
}

using folders = std::vector<std::string>;

}  // namespace

TEST_CASE("every level of the own group is visited, from the own one up", "[cgroup]") {
    made_up_system system;
    be_in_abc(system);
    CHECK(visited(system, "cpu") ==
          folders{"/sys/fs/cgroup/a/b/c/", "/sys/fs/cgroup/a/b/", "/sys/fs/cgroup/a/", "/sys/fs/cgroup/"});
    CHECK(visited(system, "memory", 2) == folders{"/sys/fs/cgroup/a/b/c/", "/sys/fs/cgroup/a/b/"});
}

TEST_CASE("on hybrid systems the controller's own mount is visited, and that of version 2", "[cgroup]") {
    made_up_system system;
    system.file("/proc/self/cgroup", "4:memory:/m\n3:cpu,cpuacct:/c\n0::/u\n");
    system.file("/proc/self/mountinfo",
                "32 31 0:30 / /cg/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
                "35 31 0:33 / /cg/memory rw shared:9 - cgroup cgroup rw,memory\n"
                "41 31 0:38 / /cg/unified rw - cgroup2 cgroup2 rw\n");
    CHECK(visited(system, "memory") == folders{"/cg/memory/m/", "/cg/memory/", "/cg/unified/u/", "/cg/unified/"});
    CHECK(visited(system, "cpu") == folders{"/cg/cpu/c/", "/cg/cpu/", "/cg/unified/u/", "/cg/unified/"});
}

TEST_CASE("the group at the top of a mount is visited once", "[cgroup]") {
    made_up_system system;
    system.file("/proc/self/cgroup", "0::/\n");
    system.file("/proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    CHECK(visited(system, "cpu") == folders{"/sys/fs/cgroup/"});
}

TEST_CASE("a group that the mount does not show is represented by what it shows", "[cgroup]") {
    made_up_system system;
    system.file("/proc/self/cgroup", "0::/docker/abc/own\n");
    system.file("/proc/self/mountinfo", "30 23 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    CHECK(visited(system, "cpu") == folders{"/sys/fs/cgroup/own/", "/sys/fs/cgroup/"});
    system.file("/proc/self/cgroup", "0::/../elsewhere\n");
    CHECK(visited(system, "cpu") == folders{"/sys/fs/cgroup/"});
}

TEST_CASE("where nothing is known of groups none is visited", "[cgroup]") {
    const made_up_system system;
    CHECK(visited(system, "cpu").empty());
}

TEST_CASE("a file is read to its end, and one that is not there is empty", "[cgroup]") {
    made_up_system system;
    const std::string text(5'000, 'x');
    system.file("/long", text + "\n");
    CHECK(fanout::detail::read_file(system.root(), "/long") == text);
    CHECK(fanout::detail::read_file(system.root(), "/not there").empty());
}
