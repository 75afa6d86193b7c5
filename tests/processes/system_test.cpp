// Tests of system.hpp: descriptors, bells and shared pages are given back, and small files are read.
#include <fanout/core/cpu_count.hpp>
#include <fanout/processes/system.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "catch.hpp"
#include "support/leaks.hpp"

using namespace fanout::detail;

TEST_CASE("a descriptor is closed once, by whoever has it last", "[system]") {
    const int before = open_descriptors();
    {
        descriptor first(open("/dev/null", O_RDONLY));
        REQUIRE(first);
        descriptor second(std::move(first));
        CHECK_FALSE(first);
        first = std::move(second);
        CHECK(first);
        CHECK(open_descriptors() == before + 1);
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE("a bell wakes who polls it, however often it was rung", "[system]") {
    const bell one;
    pollfd heard{one.number(), POLLIN, 0};
    CHECK(poll(&heard, 1, 0) == 0);
    CHECK(one.ring());
    CHECK(one.ring());
    CHECK(poll(&heard, 1, 0) == 1);
    one.silence();
    CHECK(poll(&heard, 1, 0) == 0);
}

TEST_CASE("a bell that was taken away is noticed, also if something else is there now", "[system]") {
    const bell one;
    const int file = open("/dev/null", O_WRONLY);
    dup2(file, one.number());
    CHECK_FALSE(one.ring());
    close(one.number());
    CHECK_FALSE(one.ring());
    dup2(file, one.number());  // for the bell to close
    close(file);
}

TEST_CASE("shared pages are zero, and shared with children", "[system]") {
    const shared_pages pages(whole_pages(100));
    REQUIRE(pages);
    CHECK(pages.data()[50] == std::byte(0));
    const pid_t child = fork();
    if (child == 0) {
        pages.data()[50] = std::byte(7);
        _exit(0);
    }
    waitpid(child, nullptr, 0);
    CHECK(pages.data()[50] == std::byte(7));
    CHECK_FALSE(shared_pages(static_cast<std::size_t>(-1) / 2));
}

TEST_CASE("numbers are found by their names in files of lines", "[system]") {
    CHECK(number_after("a 1\noom_kill 22\noom_kill_disable 3\n", "oom_kill") == 22);
    CHECK(number_after("VmPeak:\t  10 kB\nVmData:\t  123 kB\n", "VmData") == 123);
    CHECK(number_after("a 1\n", "b") == 0);
    CHECK(number_after("xoom_kill 4\n", "oom_kill") == 0);
    CHECK(number_after(read_file("/proc/", "self/status"), "Pid") == static_cast<std::uint64_t>(getpid()));
    CHECK(read_file("/", "nowhere").empty());
}
