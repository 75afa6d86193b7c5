// Workers that are started through a real sshd, in a network namespace of its own if this machine lets us.
#include <fanout/launch/ssh.hpp>

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
#include <filesystem>
#include <fstream>
#include <memory>
#include <ranges>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/matchers.hpp"
#include "support/network_namespace.hpp"
#include "support/notes.hpp"
#include "support/tests_with_workers.hpp"

using namespace fanout;
using namespace std::chrono_literals;

namespace {

/// With keys that nobody else has, and nothing of this machine's own set-up.
class own_sshd {
public:
    own_sshd() : space_(6) {
        if (geteuid() != 0 || ::access("/usr/sbin/sshd", X_OK) != 0 || !space_.works()) return;
        std::filesystem::create_directories("/run/sshd");
        run("chmod 700 " + path(""));
        if (!run("ssh-keygen -q -t ed25519 -N '' -f " + path("host")) ||
            !run("ssh-keygen -q -t ed25519 -N '' -f " + path("user")))
            return;
        std::filesystem::copy_file(path("user.pub"), path("authorized"));
        std::ofstream(path("config")) << "Port 2222\nListenAddress " << space_.there() << "\nHostKey " << path("host")
                                      << "\nAuthorizedKeysFile " << path("authorized")
                                      << "\nPidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\n"
                                         "PasswordAuthentication no\nMaxStartups 10\n";
        std::vector<std::string> words = space_.in_front();
        for (const std::string& each :
             {std::string("/usr/sbin/sshd"), std::string("-D"), std::string("-f"), path("config")})
            words.push_back(each);
        if (daemon_.start(words, "FANOUT_TEST=1", "") != 0) return;
        for (int tries = 0; tries < 200 && !works_; ++tries) {
            std::string why;
            works_ = static_cast<bool>(detail::connect_to({space_.there(), "2222"}, 100, why));
            if (!works_) std::this_thread::sleep_for(20ms);
        }
    }

    bool works() const { return works_; }

    /// So many workers over there.
    ssh workers(const std::string& slots = "", int count = 1) const {
        ssh how;
        how.hosts.assign(static_cast<std::size_t>(count), slots + "root@" + space_.there());
        how.command = {"ssh",       "-F",
                       "/dev/null", "-T",
                       "-p",        "2222",
                       "-i",        path("user"),
                       "-o",        "BatchMode=yes",
                       "-o",        "StrictHostKeyChecking=no",
                       "-o",        "UserKnownHostsFile=/dev/null",
                       "-o",        "LogLevel=ERROR"};
        return how;
    }

    /// Those over there; the slots of a worker are processes too.
    int processes_of_workers() const {
        int found = 0;
        for (const auto& each : std::filesystem::directory_iterator("/proc")) {
            std::ifstream file(each.path() / "cmdline");
            std::string words;
            std::getline(file, words);  // nothing if the process is gone meanwhile
            found += words.starts_with(detail::own_path() + '\0' + "--fanout-worker") && space_.holds(each.path());
        }
        return found;
    }

private:
    std::string path(const std::string& of) const { return folder_.path() + "/" + of; }
    static bool run(const std::string& command) { return std::system((command + " >/dev/null 2>&1").c_str()) == 0; }

    notes folder_;
    network_namespace space_;
    detail::child_program daemon_;
    bool works_ = false;
};

constexpr const char* needs = "a real sshd needs root, network namespaces and the package openssh-server";

bool all_gone(const own_sshd& there) {
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (there.processes_of_workers() > 0) {
        if (std::chrono::steady_clock::now() > until) return false;
        std::this_thread::sleep_for(20ms);
    }
    return true;
}

}  // namespace

TEST_CASE("workers on a machine that is reached with ssh") {
    const own_sshd there;
    if (!there.works()) return say_that_it_is_left_out(needs);
    {
        const auto cluster = parallel(4, tcp{.workers = there.workers("2/", 2), .wait_for_workers = 2});
        const auto results = cluster(delayed([](int i) {
                                         usleep(2000);
                                         return std::pair(i * 3, long(getppid()));
                                     }),
                                     std::views::iota(0, 200));
        std::set<long> workers;
        for (int i = 0; i < 200; ++i) {
            REQUIRE(results[static_cast<std::size_t>(i)].first == i * 3);
            workers.insert(results[static_cast<std::size_t>(i)].second);
        }
        CHECK(workers.size() == 2);
        CHECK(there.processes_of_workers() == 2 * (1 + 2));  // each with two slots
        // The key is nowhere on a command line.
        for (const long each : workers) {
            std::ifstream file("/proc/" + std::to_string(each) + "/cmdline");
            std::string words;
            std::getline(file, words);  // nothing if the process is gone meanwhile
            CHECK_THAT(words, containing("--key-fd"));
            std::size_t longest = 0, now = 0;
            for (const char c : words)
                longest = std::max(longest, now = std::isxdigit(static_cast<unsigned char>(c)) ? now + 1 : 0);
            CHECK(longest < 64);
        }
    }
    CHECK(all_gone(there));
}

TEST_CASE("an ssh that is killed takes its worker with it, and another one is started") {
    const own_sshd there;
    if (!there.works()) return say_that_it_is_left_out(needs);
    const auto cluster = parallel(1, tcp{.workers = there.workers()});
    CHECK(cluster(delayed([](int i) { return i; }), std::vector{1, 2}) == std::vector{1, 2});
    std::ifstream list("/proc/" + std::to_string(getpid()) + "/task/" + std::to_string(getpid()) + "/children");
    for (pid_t each = 0; list >> each;) {
        std::ifstream name("/proc/" + std::to_string(each) + "/comm");
        std::string word;
        name >> word;
        if (word == "ssh") kill(each, SIGKILL);
    }
    CHECK(cluster(delayed([](int i) { return i; }), std::vector{3, 4}) == std::vector{3, 4});
}

TEST_CASE("a user who may not log in is told what ssh said") {
    const own_sshd there;
    if (!there.works()) return say_that_it_is_left_out(needs);
    ssh how = there.workers();
    how.hosts = {"nobody-of-this-name@" + how.hosts[0].substr(5)};
    try {
        parallel(1, tcp{.workers = how})(delayed([](int i) { return i; }), std::vector{1});
        FAIL("it worked");
    } catch (const pool_broken& e) {
        CHECK_THAT(e.what(), containing("nobody-of-this-name@"));
        CHECK_THAT(e.what(), containing("exit code 255"));
        CHECK_THAT(e.what(), containing("to try it by hand"));
    }
}
