#include <fanout/launch/external.hpp>

#include <sys/stat.h>

#include <cstdlib>
#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
#include <fstream>
#include <numeric>
#include <ranges>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/matchers.hpp"
#include "support/tests_with_workers.hpp"

using namespace fanout;
using namespace std::chrono_literals;

TEST_CASE("the key is left in a file for its owner only, which goes away") {
    std::string path;
    {
        const detail::key_file file("", "the key");
        path = file.path();
        struct stat about{};
        REQUIRE(stat(path.c_str(), &about) == 0);
        CHECK((about.st_mode & 0777) == 0600);
        std::string line;
        std::getline(std::ifstream(path) >> std::ws, line);
        CHECK(line == "the key");
    }
    struct stat about{};
    CHECK(stat(path.c_str(), &about) == -1);
    CHECK_THROWS_AS(detail::key_file("/no/such/folder/key", "k"), std::system_error);
}

TEST_CASE("a call waits for workers that somebody starts, and they may come during the call and go") {
    const std::string key = "/tmp/fanout-test-external-" + std::to_string(getpid());
    const std::string at = [] {
        const auto socket = detail::listen_at({"127.0.0.1", "0"}, true);
        return "127.0.0.1:" + detail::port_of(socket);
    }();
    const auto start = [&](detail::child_program& which) {
        return which.start({detail::own_path(), "--fanout-worker", at, "--key-file", key, "--reconnect", "20"}, "X=1",
                           "");
    };
    std::vector<int> results;
    std::thread caller([&] {
        const tcp how{.workers = external{.key_file = key, .quiet = true}, .listen = at};
        results = parallel(2, how)(delayed([](int i) {
                                       std::this_thread::sleep_for(5ms);
                                       return i;
                                   }),
                                   std::views::iota(0, 200));
    });
    struct stat about{};
    while (stat(key.c_str(), &about) != 0 || about.st_size < 64) std::this_thread::sleep_for(1ms);
    detail::child_program first, second;
    REQUIRE(start(first) == 0);
    std::this_thread::sleep_for(200ms);
    REQUIRE(start(second) == 0);
    std::this_thread::sleep_for(200ms);
    first.ask_to_leave();
    CHECK(first.wait_for_end(30'000));
    CHECK(WEXITSTATUS(first.status()) == 0);
    caller.join();
    std::vector<int> expected(200);
    std::iota(expected.begin(), expected.end(), 0);
    CHECK(results == expected);
    CHECK(second.wait_for_end(30'000));
    CHECK(WEXITSTATUS(second.status()) == 0);
}

TEST_CASE("if nobody comes the call fails, and says which command to try") {
    try {
        parallel(2, tcp{.workers = external{.quiet = true}, .listen = "127.0.0.1:0", .patience = 0.2s})(
            delayed([](int i) { return i; }), std::vector{1});
        FAIL("it ran");
    } catch (const pool_broken& e) {
        CHECK_THAT(e.what(), containing("--fanout-worker 127.0.0.1:"));
        CHECK_THAT(e.what(), containing("--key-file"));
    }
}

TEST_CASE("a call can wait until so many are there") {
    try {
        parallel(
            2,
            tcp{.workers = external{.quiet = true}, .listen = "127.0.0.1:0", .wait_for_workers = 3, .patience = 0.1s})(
            delayed([](int i) { return i; }), std::vector{1});
        FAIL("it ran");
    } catch (const pool_broken& e) {
        CHECK_THAT(e.what(), containing("waited for 3 workers, and there are 0"));
    }
    CHECK(parallel(2, tcp{.wait_for_workers = 2})(delayed([](int i) { return i; }), std::vector{1, 2, 3}).size() == 3);
}
