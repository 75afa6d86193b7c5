// Workers on other hosts, as far as one machine can have them: each in a network namespace of its own. Needs root.
#include <fanout/tcp/cluster.hpp>

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
#include <ranges>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/becomes_true.hpp"
#include "support/network_namespace.hpp"
#include "support/notes.hpp"
#include "support/on_cluster.hpp"
#include "support/tests_with_workers.hpp"

using namespace fanout;
using namespace std::chrono_literals;

namespace {

/// This program as a worker, with words in front of its command line.
class worker_over_there {
public:
    worker_over_there(std::vector<std::string> words, const std::string& addresses, const std::string& key) {
        for (const std::string& each :
             {detail::own_path(), std::string("--fanout-worker"), addresses, std::string("--key-fd"), std::string("0")})
            words.push_back(each);
        REQUIRE(program_.start(words, "FANOUT_TEST=1", key + "\n") == 0);
    }

private:
    detail::child_program program_;
};

struct hosts {
    hosts() : key(detail::secret_key::fresh()), on(settings(), 2) {}

    detail::cluster_settings settings() const {
        detail::cluster_settings how = impatient(external{.quiet = true});
        how.listen = "0.0.0.0:0";
        how.key = key;
        return how;
    }
    std::string port() const { return on.addresses().substr(on.addresses().rfind(':')); }

    const detail::secret_key key;
    detail::cluster on;
};

auto slow_triples(const notes& started) {
    return delayed([folder = short_text(started.path())](int i) {
        notes::leave(folder, i);
        usleep(20'000);
        return i * 3;
    });
}

void check_triples(const std::vector<int>& results) {
    for (std::size_t i = 0; i < results.size(); ++i) REQUIRE(results[i] == static_cast<int>(i) * 3);
}

}  // namespace

TEST_CASE("a cable that is cut costs no result, and when it is whole again the worker is back") {
    const network_namespace a(1), b(2);
    if (!a.works() || !b.works()) return say_that_it_is_left_out("network namespaces need root");
    hosts test;
    const worker_over_there first(a.in_front(), a.here() + test.port(), test.key.text());
    const worker_over_there second(b.in_front(), b.here() + test.port(), test.key.text());
    REQUIRE(test.on.wait_for_workers(2, 30s));
    const notes started;
    std::jthread cutter([&] {
        becomes_true([&] { return started.count(20) > 0; });
        a.cut();
        becomes_true([&] { return test.on.worker_count() == 1; });
        a.heal();
    });
    const auto call = parallel({.n_jobs = 2, .batch_size = 1}, on_cluster{&test.on});
    const auto results = call(slow_triples(started), std::views::iota(0, 200));
    REQUIRE(results.size() == 200);
    check_triples(results);
    cutter.join();
    CHECK(becomes_true([&] { return test.on.worker_count() == 2; }));
    check_triples(call(slow_triples(started), std::views::iota(0, 20)));
}

TEST_CASE("all cables cut at once, for so short a time that nobody is given up: every task is run once") {
    const network_namespace a(3);
    if (!a.works()) return say_that_it_is_left_out("network namespaces need root");
    hosts test;
    const worker_over_there first(a.in_front(), a.here() + test.port(), test.key.text());
    REQUIRE(test.on.wait_for_workers(1, 30s));
    const notes started;
    std::jthread cutter([&] {
        becomes_true([&] { return started.count(10) > 0; });
        a.cut();
        std::this_thread::sleep_for(100ms);
        a.heal();
    });
    check_triples(parallel(1, on_cluster{&test.on, 0})(slow_triples(started), std::views::iota(0, 50)));
    for (int i = 0; i < 50; ++i) CHECK(started.count(i) == 1);
}

TEST_CASE("a way that takes 40 ms is no trouble") {
    const network_namespace a(4);
    if (!a.works()) return say_that_it_is_left_out("network namespaces need root");
    if (!a.delay(40)) return say_that_it_is_left_out("this kernel has no netem");
    hosts test;
    const worker_over_there first(a.in_front(), a.here() + test.port(), test.key.text());
    REQUIRE(test.on.wait_for_workers(1, 30s));
    const notes started;
    check_triples(parallel(1, on_cluster{&test.on, 0})(slow_triples(started), std::views::iota(0, 50)));
}

TEST_CASE("a worker whose clock is days ahead works like any other") {
    if (std::system("unshare --time --monotonic 1000000 --fork true 2>/dev/null") != 0)
        return say_that_it_is_left_out("namespaces of clocks need root, and a kernel that has them");
    hosts test;
    const worker_over_there ahead({"unshare", "--time", "--monotonic", "1000000", "--fork", "--kill-child"},
                                  "127.0.0.1" + test.port(), test.key.text());
    REQUIRE(test.on.wait_for_workers(1, 30s));
    const auto clocks = parallel({.n_jobs = 1, .timeout = 60s}, on_cluster{&test.on})(
        delayed([](int i) {
            usleep(10'000);
            return std::pair(i, std::chrono::steady_clock::now().time_since_epoch() / 1s);
        }),
        std::views::iota(0, 20));
    const auto here = std::chrono::steady_clock::now().time_since_epoch() / 1s;
    for (int i = 0; i < 20; ++i) {
        CHECK(clocks[static_cast<std::size_t>(i)].first == i);
        CHECK(clocks[static_cast<std::size_t>(i)].second > here + 900'000);
    }
}

TEST_CASE("a worker tries all addresses that a coordinator has, also those where nobody answers") {
    const network_namespace a(5);
    if (!a.works()) return say_that_it_is_left_out("network namespaces need root");
    hosts test;
    const worker_over_there first(a.in_front(), a.there() + ":1,127.0.0.1" + test.port() + "," + a.here() + test.port(),
                                  test.key.text());
    CHECK(test.on.wait_for_workers(1, 30s));
}
