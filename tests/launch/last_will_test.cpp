// Tests of last_will.hpp: what is done when a process is gone, and not done when it has seen to that itself.
#include <fanout/launch/last_will.hpp>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include "catch.hpp"
#include "support/becomes_true.hpp"

using fanout::detail::last_will;
using namespace std::chrono_literals;

static std::string unused_path() { return "/tmp/fanout-test-will-" + std::to_string(getpid()); }

TEST_CASE("a last will is done when the process is killed") {
    const std::string path = unused_path();
    const pid_t killed = fork();
    if (killed == 0) {
        const last_will will({"touch", path});
        raise(SIGKILL);
    }
    REQUIRE(waitpid(killed, nullptr, 0) == killed);
    CHECK(becomes_true([&] { return std::filesystem::exists(path); }));
    std::filesystem::remove(path);
}

TEST_CASE("a last will is not done when its object is gone, nor by a forked child") {
    const std::string path = unused_path();
    {
        const last_will will({"touch", path});
        const pid_t child = fork();
        if (child == 0) {
            const_cast<last_will&>(will).~last_will();
            _exit(0);
        }
        REQUIRE(waitpid(child, nullptr, 0) == child);
        std::this_thread::sleep_for(200ms);
        CHECK_FALSE(std::filesystem::exists(path));
    }
    std::this_thread::sleep_for(200ms);
    CHECK_FALSE(std::filesystem::exists(path));
    CHECK(waitpid(-1, nullptr, WNOHANG) == -1);  // nobody is left
}
