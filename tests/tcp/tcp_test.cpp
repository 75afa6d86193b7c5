#include <fanout/tcp.hpp>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fanout/fanout.hpp>
#include <filesystem>
#include <fstream>
#include <list>
#include <numeric>
#include <ranges>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/matchers.hpp"
#include "support/sanitizers.hpp"
#include "support/tests_with_workers.hpp"

using namespace fanout;
using namespace std::chrono_literals;

// A sanitizer would take the crash for its own.
static constexpr int crash_signal = FANOUT_TESTS_UNDER_TSAN || FANOUT_TESTS_UNDER_ASAN ? SIGKILL : SIGSEGV;

static double half(int i) { return i / 2.0; }

static std::vector<double> halves(int count) {
    std::vector<double> all;
    for (int i = 0; i < count; ++i) all.push_back(half(i));
    return all;
}

struct parity {
    std::vector<std::string> names;
    std::string operator()(int i) const { return names.at(static_cast<std::size_t>(i % 2)); }
};

struct odd_error : std::out_of_range {
    using std::out_of_range::out_of_range;
};

/// A value that cannot be read again.
struct unreadable {
    int x = 0;
};
template <>
struct fanout::codec<unreadable> {
    static void write(writer& to, const unreadable& value) { to(value.x); }
    static unreadable read(reader& from) {
        if (const int x = from.read<int>(); x % 2 == 0) return {x};
        throw decode_error("odd, and so unreadable");
    }
};
struct unwritable {
    int x = 0;
};
template <>
struct fanout::codec<unwritable> {
    static void write(writer& to, const unwritable& value) {
        to(value.x);
        if (value.x % 2 == 1) throw std::length_error("odd, and so unwritable");
    }
    static unwritable read(reader& from) { return {from.read<int>()}; }
};

/// A folder that is gone at the end, for notes of processes that may be killed.
class notes {
public:
    notes() {
        char name[] = "/tmp/fanout-test-XXXXXX";
        path_ = mkdtemp(name);
    }
    ~notes() { std::filesystem::remove_all(path_); }

    std::string path() const { return path_; }

    /// In any process. Each note is counted.
    static void leave(const std::string& in, int about) {
        char name[256];
        std::snprintf(name, sizeof name, "%s/%d-%d-XXXXXX", in.c_str(), about, int(getpid()));
        close(mkstemp(name));
    }
    int count(int about) const {
        int found = 0;
        for (const auto& each : std::filesystem::directory_iterator(path_))
            found += each.path().filename().string().starts_with(std::to_string(about) + "-");
        return found;
    }

private:
    std::string path_;
};

/// For a lambda, which may capture what is trivially copyable.
struct short_text {
    char text[64] = {};
    short_text(const std::string& of) { of.copy(text, sizeof text - 1); }
    operator std::string() const { return text; }
};

TEST_CASE("results come in the order of the input, whatever the form of the call") {
    CHECK(parallel(2, tcp{})(delayed(half), std::views::iota(0, 1000)) == halves(1000));
    CHECK(parallel(2, tcp{})(std::views::iota(0, 1000) | std::views::transform(delayed(half))) == halves(1000));
    const auto cluster = parallel(3, tcp{});
    CHECK(cluster(delayed(half), std::views::iota(0, 1)) == halves(1));
    CHECK(cluster(delayed(half), std::views::iota(0, 20'000)) == halves(20'000));
    CHECK(cluster(delayed(half), std::vector<int>()).empty());
    const std::list<int> walked{5, 6, 7};
    CHECK(cluster(delayed([](int a, const std::string& b) { return b + std::to_string(a); }), walked,
                  std::vector<std::string>{"a", "b", "c", "d"}) == std::vector<std::string>{"a5", "b6", "c7"});
    const auto several = cluster(
        delayed(half)(3), delayed([](const std::string& s) { return s + "!"; })(std::string("x")), delayed([] {})());
    CHECK(several == std::tuple(1.5, std::string("x!"), nothing()));
    CHECK(cluster(delayed([](bool b) { return !b; }), std::vector<bool>{true, false}) ==
          std::vector<bool>{false, true});
    cluster(delayed([](int) {}), std::vector{1, 2, 3});
}

TEST_CASE("input that is read once is sent as it is read, and need not end before results come") {
    const auto cluster = parallel(2, tcp{});
    std::stringstream typed;
    for (int i = 0; i < 300; ++i) typed << i << ' ';
    CHECK(cluster(delayed(half), std::views::istream<int>(typed)) == halves(300));

    std::stringstream again("1 2 3");
    auto broken = std::views::istream<int>(again) | std::views::transform([](int i) {
                      if (i == 3) throw std::domain_error("broken input");
                      return i;
                  });
    CHECK_THROWS_AS(cluster(delayed(half), broken), std::domain_error);
    CHECK(cluster(delayed(half), std::views::iota(0, 10)) == halves(10));
}

TEST_CASE("functions come with what they captured, and functors with their state") {
    const auto cluster = parallel(2, tcp{});
    const double factor = 1.5;
    CHECK(cluster(delayed([factor](int i) { return i * factor; }), std::vector{2, 4}) == std::vector{3.0, 6.0});
    CHECK(cluster(delayed(parity{{"even", "odd"}}), std::vector{2, 5}) == std::vector<std::string>{"even", "odd"});
    int local = 3;
    CHECK_THROWS_AS(cluster(delayed([&local](int i) { return i + local; }), std::vector{1}), serialization_error);
    CHECK(cluster(delayed(half), std::views::iota(0, 5)) == halves(5));
}

TEST_CASE("exceptions keep their type and their text, and outcomes have all") {
    const auto cluster = parallel(2, tcp{});
    const auto throwing = delayed([](int i) {
        if (i % 3 == 1) throw odd_error("task " + std::to_string(i));
        return i;
    });
    try {
        cluster(throwing, std::views::iota(0, 100));
        FAIL("nothing was thrown");
    } catch (const std::out_of_range& e) {
        CHECK_THAT(e.what(), containing("task "));  // which of them was first is for the workers to say
    }
    const auto outcomes = cluster.outcomes(throwing, std::views::iota(0, 1000));
    for (int i = 0; i < 1000; ++i) {
        const auto& each = outcomes[static_cast<std::size_t>(i)];
        REQUIRE(each.has_value() == (i % 3 != 1));
        if (each) continue;
        REQUIRE(each.error().index == static_cast<std::size_t>(i));
        REQUIRE(each.error().type == "odd_error");
        REQUIRE(each.error().what == "task " + std::to_string(i));
        REQUIRE(each.error().host == detail::host_name());
        REQUIRE(each.error().backend == "tcp");
        REQUIRE(each.error().attempts == 1);
    }
}

TEST_CASE("a crash costs the task that crashed, which is tried as often as was said") {
    const notes started;
    const short_text folder(started.path());
    const auto crash_at_13 = delayed([folder](int i) {
        notes::leave(folder, i);
        if (i == 13) raise(crash_signal);
        return i * 10;
    });
    const auto outcomes = parallel(2, tcp{.retries = 1}).outcomes(crash_at_13, std::views::iota(0, 40));
    for (int i = 0; i < 40; ++i) CHECK(outcomes[static_cast<std::size_t>(i)].has_value() == (i != 13));
    CHECK(outcomes[13].error().signal == crash_signal);
    CHECK(outcomes[13].error().attempts == 2);
    CHECK(outcomes[13].error().type == "fanout::worker_lost");
    try {
        static_cast<void>(outcomes[13].value());
        FAIL("it has a value");
    } catch (const worker_lost& e) {
        CHECK(e.signal() == crash_signal);
        CHECK_THAT(e.what(), containing("task 13 killed its worker"));
        CHECK_THAT(e.what(), containing("attempt 2 of 2"));
    }
    CHECK(started.count(13) == 2);
    CHECK(started.count(39) >= 1);  // what travels with a task that crashes may run once more
}

TEST_CASE("among thousands of short tasks that travel together the one that crashes is found") {
    const notes started;
    const short_text folder(started.path());
    const auto crash_now_and_then = delayed([folder](int i) {
        if (i == 7777 || i == 7778 || i == 15'000) {
            notes::leave(folder, i);
            raise(SIGKILL);
        }
        return i;
    });
    const auto outcomes = parallel(2, tcp{}).outcomes(crash_now_and_then, std::views::iota(0, 20'000));
    for (int i = 0; i < 20'000; ++i) {
        const auto& each = outcomes[static_cast<std::size_t>(i)];
        const bool crashes = i == 7777 || i == 7778 || i == 15'000;
        REQUIRE(each.has_value() == !crashes);
        if (each) REQUIRE(*each == i);
    }
    for (const int i : {7777, 7778, 15'000}) {
        CHECK(outcomes[static_cast<std::size_t>(i)].error().signal == SIGKILL);
        CHECK(outcomes[static_cast<std::size_t>(i)].error().attempts == 3);
        CHECK(started.count(i) == 3);
    }
}

TEST_CASE("a worker that is killed is replaced, and only the task that it was at has been tried") {
    const notes started;
    const short_text folder(started.path());
    const auto kill_worker_at = [folder](int who) {
        return delayed([folder, who](int i) {
            notes::leave(folder, i);
            if (i == who) {
                kill(getppid(), SIGKILL);
                std::this_thread::sleep_for(10s);
            }
            return i;
        });
    };
    SECTION("it is tried again, and fails alone") {
        const auto outcomes = parallel(2, tcp{}).outcomes(kill_worker_at(5), std::views::iota(0, 20));
        for (int i = 0; i < 20; ++i) CHECK(outcomes[static_cast<std::size_t>(i)].has_value() == (i != 5));
        CHECK(started.count(5) >= 3);  // once more if the worker took the result before it with it
        CHECK(outcomes[5].error().attempts == 3);
        CHECK(outcomes[5].error().type == "fanout::worker_lost");
        CHECK_THAT(outcomes[5].error().what, containing("lost its worker"));
    }
    SECTION("with retries = 0 it is not tried again") {
        const auto outcomes = parallel(2, tcp{.retries = 0}).outcomes(kill_worker_at(5), std::views::iota(0, 20));
        for (int i = 0; i < 20; ++i) {
            CHECK(outcomes[static_cast<std::size_t>(i)].has_value() == (i != 5));
            CHECK(started.count(i) == 1);
        }
    }
    SECTION("a kept cluster goes on") {
        const auto cluster = parallel(2, tcp{});
        CHECK_THROWS_AS(cluster(kill_worker_at(0), std::views::iota(0, 4)), worker_lost);
        CHECK(cluster(delayed(half), std::views::iota(0, 100)) == halves(100));
    }
}

TEST_CASE("who watches a call is told while its tasks run") {
    int reports = 0;
    bool on_the_way = false;
    parallel({.n_jobs = 2,
              .on_progress =
                  [&](const progress& now) {
                      ++reports;
                      on_the_way = on_the_way || (now.done > 0 && now.done < 60);
                  }},
             tcp{})(delayed([](int) { usleep(10'000); }), std::views::iota(0, 60));
    CHECK(on_the_way);
    CHECK(reports > 2);
}

TEST_CASE("a task that takes too long is killed, and not tried again") {
    const auto cluster = parallel({.n_jobs = 2, .timeout = 1s}, tcp{});
    const auto outcomes = cluster.outcomes(delayed([](int i) {
                                               if (i == 2) std::this_thread::sleep_for(60s);
                                               return i;
                                           }),
                                           std::views::iota(0, 10));
    for (int i = 0; i < 10; ++i) CHECK(outcomes[static_cast<std::size_t>(i)].has_value() == (i != 2));
    CHECK_THROWS_AS(outcomes[2].value(), task_timeout);
    CHECK(outcomes[2].error().attempts == 1);
}

TEST_CASE("a call that is stopped kills what runs, and says so") {
    const notes started;
    const short_text folder(started.path());
    std::stop_source stop;
    const auto cluster = parallel({.n_jobs = 2, .stop = stop.get_token()}, tcp{});
    std::jthread stopper([&] {
        while (started.count(0) == 0) std::this_thread::sleep_for(1ms);
        stop.request_stop();
    });
    const auto begun = std::chrono::steady_clock::now();
    CHECK_THROWS_AS(cluster(delayed([folder](int i) {
                                notes::leave(folder, i);
                                std::this_thread::sleep_for(60s);
                            }),
                            std::views::iota(0, 10)),
                    cancelled);
    CHECK(std::chrono::steady_clock::now() - begun < 30s);
}

TEST_CASE("results and elements that cannot be written or read fail their task") {
    const auto cluster = parallel(2, tcp{});
    const auto results = cluster.outcomes(delayed([](int i) { return unreadable{i}; }), std::views::iota(0, 50));
    for (int i = 0; i < 50; ++i) CHECK(results[static_cast<std::size_t>(i)].has_value() == (i % 2 == 0));
    CHECK(results[1].error().type == "fanout::decode_error");

    const auto unwritten = cluster.outcomes(delayed([](int i) { return unwritable{i}; }), std::views::iota(0, 50));
    for (int i = 0; i < 50; ++i) CHECK(unwritten[static_cast<std::size_t>(i)].has_value() == (i % 2 == 0));
    CHECK(unwritten[1].error().type == "std::length_error");

    std::vector<unwritable> elements(50);
    for (int i = 0; i < 50; ++i) elements[static_cast<std::size_t>(i)].x = i;
    const auto sent = cluster.outcomes(delayed([](const unwritable& each) { return each.x; }), elements);
    for (int i = 0; i < 50; ++i) CHECK(sent[static_cast<std::size_t>(i)].has_value() == (i % 2 == 0));
    CHECK(sent[1].error().type == "std::length_error");

    std::vector<unreadable> read(50);
    for (int i = 0; i < 50; ++i) read[static_cast<std::size_t>(i)].x = i;
    const auto arrived = cluster.outcomes(delayed([](const unreadable& each) { return each.x; }), read);
    for (int i = 0; i < 50; ++i) CHECK(arrived[static_cast<std::size_t>(i)].has_value() == (i % 2 == 0));
}

TEST_CASE("long arguments and long results arrive whole") {
    const auto cluster = parallel(2, tcp{});
    std::vector<std::vector<int>> inputs;
    for (int i = 0; i < 6; ++i) inputs.emplace_back(static_cast<std::size_t>(3'000'000 + i), i);
    const auto doubled = cluster(delayed([](std::vector<int> values) {
                                     for (int& each : values) each *= 2;
                                     return values;
                                 }),
                                 inputs);
    REQUIRE(doubled.size() == 6);
    for (int i = 0; i < 6; ++i) {
        CHECK(doubled[static_cast<std::size_t>(i)].size() == static_cast<std::size_t>(3'000'000 + i));
        CHECK(doubled[static_cast<std::size_t>(i)].back() == 2 * i);
    }
}

TEST_CASE("a long result whose task crashes while it is written is taken back") {
    struct crashes_late {
        std::vector<char> first;
        unwritable second;
    };
    const auto cluster = parallel(2, tcp{});
    const auto outcomes =
        cluster.outcomes(delayed([](int i) { return crashes_late{std::vector<char>(20'000'000, 'x'), unwritable{i}}; }),
                         std::views::iota(0, 4));
    for (int i = 0; i < 4; ++i) CHECK(outcomes[static_cast<std::size_t>(i)].has_value() == (i % 2 == 0));
    CHECK(outcomes[3].error().type == "std::length_error");
    CHECK(outcomes[2]->first.size() == 20'000'000);
}

TEST_CASE("calls of one object from several threads come one after the other") {
    const auto cluster = parallel(2, tcp{});
    std::atomic<int> good = 0;
    {
        std::vector<std::jthread> callers;
        for (int t = 0; t < 4; ++t)
            callers.emplace_back([&] {
                for (int call = 0; call < 5; ++call)
                    good += cluster(delayed(half), std::views::iota(0, 50)) == halves(50);
            });
    }
    CHECK(good == 20);
}

// The thread sanitizer allows no new threads in a process that was forked from one with threads.
static auto inner_threads() {
    if constexpr (FANOUT_TESTS_UNDER_TSAN)
        return sequential{};
    else
        return threads{};
}

TEST_CASE("inside a slot the local backends work") {
    const auto sums = parallel(2, tcp{})(
        delayed([](int i) {
            const auto inner = parallel(2, processes{})(delayed(half), std::views::iota(0, i));
            const auto threaded = parallel(2, inner_threads())(delayed(half), std::views::iota(0, i));
            return std::accumulate(inner.begin(), inner.end(), 0.0) +
                   std::accumulate(threaded.begin(), threaded.end(), 0.0);
        }),
        std::vector{3, 5});
    CHECK(sums == std::vector{3.0, 10.0});
}

TEST_CASE("one worker can have several slots") {
    const auto cluster = parallel(4, tcp{.slots = 2});
    const auto parents = cluster(delayed([](int) {
                                     std::this_thread::sleep_for(5ms);
                                     return std::pair(long(getppid()), long(getpid()));
                                 }),
                                 std::views::iota(0, 60));
    std::set<long> workers, slots;
    for (const auto& [worker, slot] : parents) {
        workers.insert(worker);
        slots.insert(slot);
    }
    CHECK(workers.size() == 2);
    CHECK(slots.size() == 4);
}

TEST_CASE("what tasks print is there when the call returns") {
    const notes folder;
    const std::string file = folder.path() + "/printed";
    const int before = dup(1);
    const int to = open(file.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    std::fflush(stdout);
    dup2(to, 1);
    parallel(2, tcp{})(delayed([](int i) { std::printf("task %d\n", i); }), std::views::iota(0, 50));
    dup2(before, 1);
    close(before);
    close(to);
    std::ifstream printed(file);
    int lines = 0;
    for (std::string line; std::getline(printed, line);) ++lines;
    CHECK(lines == 50);
}

TEST_CASE("nothing is left behind: no process, no descriptor, no thread") {
    const auto descriptors = [] {
        return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                             std::filesystem::directory_iterator());
    };
    parallel(2, tcp{})(delayed(half), std::views::iota(0, 10));
    const auto before = descriptors();
    for (int i = 0; i < 5; ++i) parallel(2, tcp{})(delayed(half), std::views::iota(0, 10));
    CHECK(descriptors() == before);
    CHECK(waitpid(-1, nullptr, WNOHANG) == -1);
    CHECK(errno == ECHILD);
}

TEST_CASE("what could never run is refused") {
    CHECK_THROWS_AS(parallel(2, tcp{.retries = -1})(delayed(half), std::vector{1}), std::invalid_argument);
    CHECK_THROWS_AS(parallel(2, tcp{.slots = 0})(delayed(half), std::vector{1}), std::invalid_argument);
    CHECK_THROWS_AS(parallel(2, tcp{.memory_limit = 1000})(delayed(half), std::vector{1}), std::invalid_argument);
    CHECK_THROWS_AS(parallel(2, tcp{.listen = "nonsense"})(delayed(half), std::vector{1}), std::invalid_argument);
    CHECK_THROWS_AS(parallel(2, tcp{.listen = "no.such.host.invalid:0"})(delayed(half), std::vector{1}),
                    std::invalid_argument);
}

TEST_CASE("a port that somebody else has is named") {
    const detail::descriptor taken = detail::listen_at({"127.0.0.1", "0"}, true);
    const std::string at = "127.0.0.1:" + detail::port_of(taken);
    try {
        parallel(2, tcp{.listen = at})(delayed(half), std::vector{1});
        FAIL("it could listen");
    } catch (const std::system_error& e) {
        CHECK_THAT(e.what(), containing(at));
    }
}

TEST_CASE("plain TCP on this machine has to be asked for, and works") {
    CHECK(parallel(2, tcp{.plain = true})(delayed(half), std::views::iota(0, 100)) == halves(100));
    CHECK_THROWS_AS(parallel(2, tcp{.listen = "0.0.0.0:0", .plain = true})(delayed(half), std::vector{1}),
                    std::invalid_argument);
}

TEST_CASE("tcp has to be named where the call is written") {
    const any_backend chosen = tcp{};
    try {
        parallel(2, chosen)(delayed(half), std::vector{1});
        FAIL("it ran");
    } catch (const std::invalid_argument& e) {
        CHECK_THAT(e.what(), containing("parallel(n, tcp{})"));
    }
}

TEST_CASE("streams, reductions and searches run on workers too") {
    const auto cluster = parallel(2, tcp{});
    std::vector<double> taken;
    for (const double each : cluster.stream(delayed(half), std::views::iota(0, 300))) taken.push_back(each);
    CHECK(taken == halves(300));
    CHECK(cluster.reduce(0.0, [](double a, double b) { return a + b; }, delayed(half), std::views::iota(0, 5)) == 5.0);
    CHECK(cluster.find_first(delayed([](int i) { return i == 17; }), std::views::iota(0, 100)) ==
          std::optional<std::size_t>(17));
}
