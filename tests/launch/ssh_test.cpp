#include <fanout/launch/ssh.hpp>

#include <signal.h>
#include <unistd.h>

#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
#include <ranges>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/matchers.hpp"
#include "support/tests_with_workers.hpp"

using namespace fanout;

TEST_CASE("machines are host, user@host, or 8/user@host") {
    CHECK(detail::ssh_host::parse("node1").name == "node1");
    CHECK(detail::ssh_host::parse("node1").slots == 0);
    CHECK(detail::ssh_host::parse("8/me@node2").name == "me@node2");
    CHECK(detail::ssh_host::parse("8/me@node2").slots == 8);
    for (const char* wrong :
         {"", "0/node", "x/node", "8/", "-oProxyCommand=evil", "8/-oProxyCommand=evil", "a b", "99999999/a"}) {
        INFO(wrong);
        CHECK_THROWS_AS(detail::ssh_host::parse(wrong), std::invalid_argument);
    }
    CHECK_THROWS_AS(launcher(ssh{}), std::invalid_argument);
    CHECK_THROWS_AS(launcher(ssh{.hosts = {"node1"}, .command = {}}), std::invalid_argument);
}

// Runs the command on this machine, as sshd would: through a shell, with the input passed on. $0 is the host.
static const std::vector<std::string> like_ssh = {"/bin/sh", "-c", "exec /bin/sh -c \"$1\""};

TEST_CASE("workers are started through ssh, get their key as input, and end with it") {
    const tcp how{
        .workers = ssh{.hosts = {"one", "2/two"}, .command = like_ssh}, .listen = "127.0.0.1:0", .wait_for_workers = 2};
    const auto cluster = parallel(3, how);
    const auto pids = cluster(delayed([](int) {
                                  std::this_thread::sleep_for(std::chrono::milliseconds(5));
                                  return std::pair(long(getppid()), long(getpid()));
                              }),
                              std::views::iota(0, 60));
    std::set<long> workers, slots;
    for (const auto& [worker, slot] : pids) {
        workers.insert(worker);
        slots.insert(slot);
    }
    CHECK(workers.size() == 2);
    CHECK(slots.size() == 3);
}

TEST_CASE("a machine whose worker dies now and then, over many calls, is not given up") {
    const auto cluster = parallel(1, tcp{.workers = ssh{.hosts = {"one"}, .command = like_ssh}});
    for (int call = 0; call < 7; ++call) {
        CAPTURE(call);
        const auto parents = cluster(delayed([](int) { return long(getppid()); }), std::vector{1});
        kill(static_cast<pid_t>(parents.front()), SIGKILL);
    }
    CHECK(cluster(delayed([](int i) { return i; }), std::vector{1, 2}) == std::vector{1, 2});
}

TEST_CASE("a machine that cannot be reached is named, with the command to try by hand") {
    try {
        parallel(1, tcp{.workers = ssh{.hosts = {"nowhere"}, .command = {"/bin/sh", "-c", "exit 78"}},
                        .listen = "127.0.0.1:0"})(delayed([](int i) { return i; }), std::vector{1});
        FAIL("it ran");
    } catch (const pool_broken& e) {
        CHECK_THAT(e.what(), containing("ssh nowhere"));
        CHECK_THAT(e.what(), containing("by hand"));
    }
}
