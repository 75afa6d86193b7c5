#include <fanout/launch/external.hpp>

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
#include <filesystem>
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

TEST_CASE("what stood where the key is to be is not written to, and a forked child does not take the key away") {
    const std::string path = "/tmp/fanout-test-key-" + std::to_string(getpid());
    std::ofstream(path) << "readable by all";
    std::filesystem::permissions(path, std::filesystem::perms(0666));
    const std::string other_name = path + ".other";
    std::filesystem::create_hard_link(path, other_name);
    {
        const detail::key_file file(path, "the key");
        struct stat about{};
        REQUIRE(stat(path.c_str(), &about) == 0);
        CHECK((about.st_mode & 0777) == 0600);
        std::string line;
        std::getline(std::ifstream(other_name), line);
        CHECK(line == "readable by all");
        const pid_t child = fork();
        if (child == 0) {
            file.~key_file();
            _exit(0);
        }
        REQUIRE(waitpid(child, nullptr, 0) == child);
        CHECK(stat(path.c_str(), &about) == 0);
    }
    std::filesystem::remove(other_name);
}

TEST_CASE("the file with the key goes away too when the program is killed") {
    const std::string path = "/tmp/fanout-test-killed-" + std::to_string(getpid());
    const pid_t killed = fork();
    if (killed == 0) {
        const detail::key_file file(path, "the key");
        raise(SIGKILL);
    }
    REQUIRE(waitpid(killed, nullptr, 0) == killed);
    struct stat about{};
    const auto until = std::chrono::steady_clock::now() + 30s;
    while (stat(path.c_str(), &about) == 0 && std::chrono::steady_clock::now() < until)
        std::this_thread::sleep_for(1ms);
    CHECK(stat(path.c_str(), &about) == -1);
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
    CHECK(parallel(2, tcp{.wait_for_workers = 2})(delayed([](int i) { return i; }), std::vector{1}).size() == 1);
}

TEST_CASE("waiting for more workers than are started is refused at once, and main is not blamed") {
    const auto refusal = [](const auto& object) -> std::string {
        try {
            object(delayed([](int i) { return i; }), std::vector{1});
            return "it ran";
        } catch (const std::invalid_argument& e) {
            return e.what();
        }
    };
    CHECK(refusal(parallel(2, tcp{.wait_for_workers = 3})) ==
          "fanout: tcp: wait_for_workers = 3, but local{} starts 2 for n_jobs = 2; ask for more n_jobs, or wait for "
          "fewer");
    const auto kept = parallel(4, tcp{.slots = 2, .wait_for_workers = 3});
    CHECK_THAT(refusal(kept), containing("local{} starts 2 for n_jobs = 4 with 2 slots each"));
}
