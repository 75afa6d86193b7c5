// Many at once at a coordinator's door: workers that all come in the same second, and strangers who mean no good.
#include <fanout/tcp/hub.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
#include <fstream>
#include <ranges>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/notes.hpp"
#include "support/on_cluster.hpp"
#include "support/sanitizers.hpp"
#include "support/tests_with_workers.hpp"

using namespace fanout;
using namespace std::chrono_literals;

namespace {

constexpr bool slowly = FANOUT_TESTS_UNDER_TSAN || FANOUT_TESTS_UNDER_ASAN;

std::size_t memory_in_use() {
    std::ifstream file("/proc/self/statm");
    std::size_t pages = 0;
    file >> pages >> pages;
    return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

/// Does this again and again in a thread of its own, as long as it lives.
template <class What>
std::jthread in_a_loop(What what) {
    return std::jthread([what](const std::stop_token& stop) {
        while (!stop.stop_requested()) what();
    });
}

detail::descriptor stranger(const std::string& at) {
    std::string why;
    return detail::connect_to(detail::address::parse(at), 1000, why);
}

void say(const detail::descriptor& to, const std::string& what) {
    if (!to) return;
    pollfd there{to.number(), POLLOUT, 0};
    poll(&there, 1, 100);
    static_cast<void>(send(to.number(), what.data(), what.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
}

}  // namespace

TEST_CASE("real workers by the hundred, all started in the same second, are all let in and work at the same time") {
    constexpr int count = slowly ? 30 : 200;
    detail::cluster_settings how;
    how.workers = external{.quiet = true};
    how.key = detail::secret_key::fresh();
    how.listen = "127.0.0.1:0";
    detail::cluster on(how, count);
    std::vector<detail::child_program> all(count);
    for (detail::child_program& each : all)
        REQUIRE(each.start({detail::own_path(), "--fanout-worker", on.addresses(), "--key-fd", "0"}, "FANOUT_TEST=1",
                           how.key->text() + "\n") == 0);
    REQUIRE(on.wait_for_workers(count, 50s));
    const notes begun;
    const auto one_of_all = [folder = short_text(begun.path())](int) {
        notes::leave(folder, 0);
        const auto all_have_begun = [&] { return notes::count_in(folder, 0) == count; };
        for (int waits = 0; waits < 1000 && !all_have_begun(); ++waits) usleep(40'000);
        return static_cast<int>(getppid());
    };
    const auto pids =
        parallel({.n_jobs = count, .batch_size = 1}, on_cluster{&on})(delayed(one_of_all), std::views::iota(0, count));
    CHECK(std::set<int>(pids.begin(), pids.end()).size() == count);
}

TEST_CASE(
    "strangers that flood the port with garbage, or hold their places by saying a byte now and then, delay nobody who "
    "is in") {
    detail::cluster_settings how;
    how.workers = local{};
    detail::cluster on(how, 2);
    REQUIRE(on.wait_for_workers(2, 30s));
    const std::string at = on.addresses();
    const std::size_t before = memory_in_use();
    std::atomic<int> floods = 0;
    {
        const auto garbage = in_a_loop([&, bytes = std::string(1 << 20, 'x')] {
            say(stranger(at), bytes);
            ++floods;
        });
        const auto beginnings = in_a_loop([&] {
            const detail::descriptor one = stranger(at);
            say(one, detail::preface{}.bytes() + std::string(100'000, '\x17'));
            ++floods;
        });
        const auto slow = in_a_loop([&] {
            std::vector<detail::descriptor> crowd;
            for (int i = 0; i < 64; ++i) crowd.push_back(stranger(at));
            for (const char each : std::string("FANOUT")) {
                for (const auto& one : crowd) say(one, std::string(1, each));
                std::this_thread::sleep_for(100ms);
            }
        });
        const auto results = parallel(2, on_cluster{&on, 0})(delayed([](int i) {
                                                                 usleep(5000);
                                                                 return i * 3;
                                                             }),
                                                             std::views::iota(0, 400));
        for (int i = 0; i < 400; ++i) REQUIRE(results[static_cast<std::size_t>(i)] == i * 3);
    }
    CHECK(floods > 100);
    if constexpr (!slowly) CHECK(memory_in_use() < before + (64 << 20));
}
