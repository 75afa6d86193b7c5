#include <fanout/tcp.hpp>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
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
#include <tuple>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/becomes_true.hpp"
#include "support/matchers.hpp"
#include "support/notes.hpp"
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
    const auto times = [factor](int i) { return i * factor; };
    CHECK(cluster(delayed(times)(2), delayed([factor](int i) { return i + factor; })(2)) == std::tuple(3.0, 3.5));
    const auto calls = std::views::iota(0, 3) | std::views::transform([times](int i) { return delayed(times)(i); });
    CHECK(cluster(calls) == std::vector{0.0, 1.5, 3.0});
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
        for (int i = 0; i < 20; ++i) {
            const auto& each = outcomes[static_cast<std::size_t>(i)];
            INFO("task " << i << ", run " << started.count(i) << " times: " << (each ? "" : each.error().what));
            CHECK(each.has_value() == (i != 5));
        }
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

TEST_CASE("what waits behind a long task goes to whoever has nothing to do") {
    const notes done;
    const short_text folder(done.path());
    const auto begun = std::chrono::steady_clock::now();
    // Each worker is sent two at first. The first task ends when all others have been done, by the other worker.
    const auto results = parallel(2, tcp{})(delayed([folder](int i) {
                                                const auto others_are_done = [&] {
                                                    const std::filesystem::directory_iterator all{std::string(folder)};
                                                    return std::distance(begin(all), end(all)) == 7;
                                                };
                                                if (i > 0) notes::leave(folder, i);
                                                while (i == 0 && !others_are_done()) usleep(1000);
                                                return i;
                                            }),
                                            std::views::iota(0, 8));
    CHECK(results == std::vector{0, 1, 2, 3, 4, 5, 6, 7});
    for (int i = 1; i < 8; ++i) CHECK(done.count(i) == 1);
    CHECK(std::chrono::steady_clock::now() - begun < 40s);
}

TEST_CASE("if that was asked for, a straggler is begun once more elsewhere, and the first result counts") {
    const notes started;
    const short_text folder(started.path());
    const auto begun = std::chrono::steady_clock::now();
    const auto cluster = parallel(2, tcp{.speculate = true});
    const auto results = cluster(delayed([folder](int i) {
                                     notes::leave(folder, i);
                                     const std::filesystem::directory_iterator all{std::string(folder)};
                                     const auto tries = std::count_if(begin(all), end(all), [](const auto& each) {
                                         return each.path().filename().string().starts_with("0-");
                                     });
                                     if (i == 0 && tries == 1) std::this_thread::sleep_for(300s);
                                     return i * 2;
                                 }),
                                 std::views::iota(0, 40));
    for (int i = 0; i < 40; ++i) CHECK(results.at(static_cast<std::size_t>(i)) == i * 2);
    CHECK(started.count(0) == 2);
    CHECK(cluster(delayed(half), std::views::iota(0, 50)) == halves(50));  // with all workers: the loser was ended
    CHECK(std::chrono::steady_clock::now() - begun < 100s);
    CHECK_THROWS_AS(parallel(2, tcp{.retries = 0, .speculate = true})(delayed(half), std::vector{1}),
                    std::invalid_argument);
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

TEST_CASE("a call by what runs within another of the same object would wait for itself, and is refused") {
    const auto cluster = parallel(1, tcp{});
    const auto same = delayed([](int i) { return i; });
    const auto call_inside = [&](int sum, int next) { return sum + cluster(same, {next})[0]; };
    CHECK_THROWS_AS(cluster.reduce(0, call_inside, same, std::vector{1, 2}), std::logic_error);
    CHECK_THROWS_WITH(cluster.reduce(0, call_inside, same, std::vector{1, 2}),
                      containing("it would wait for itself; use an object of its own there"));
    CHECK(cluster(same, {1}) == std::vector{1});
}

TEST_CASE("who waits for his turn on an object waits no longer than his deadline") {
    const auto cluster = parallel({.n_jobs = 1, .deadline = 500ms}, tcp{});
    const auto same = delayed([](int i) { return i; });
    std::atomic<bool> has_begun = false, may_go_on = false;
    std::jthread other([&] {
        const auto stand = [&](int sum, int next) {
            has_begun = true;
            while (!may_go_on) std::this_thread::sleep_for(1ms);
            return sum + next;
        };
        CHECK_THROWS_AS(cluster.reduce(0, stand, same, std::views::iota(0, 10'000)), deadline_exceeded);
    });
    while (!has_begun) std::this_thread::sleep_for(1ms);
    CHECK_THROWS_AS(cluster(same, {1}), deadline_exceeded);
    may_go_on = true;
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

/// The process that ran a task, and the number of its slot; -1 if it does not know of this call.
static std::pair<long, int> process_and_slot(int) {
    std::this_thread::sleep_for(5ms);
    const auto worker = current_worker();
    const bool right = worker && worker->n_jobs == 4 && worker->backend == "tcp" && worker->depth == 1;
    return {long(getpid()), right ? worker->slot : -1};
}

TEST_CASE(
    "no two slots of all workers have the same number, and who comes for a worker that is lost takes its numbers") {
    const auto cluster = parallel(4, tcp{.slots = 2, .wait_for_workers = 2});
    for (const bool after_a_loss : {false, true}) {
        if (after_a_loss)
            CHECK_THROWS_AS(cluster(delayed([](int) {
                                        kill(getppid(), SIGKILL);
                                        std::this_thread::sleep_for(10s);
                                    }),
                                    std::views::iota(0, 1)),
                            worker_lost);
        std::set<std::pair<long, int>> all;
        std::set<int> slots;
        for (const auto& each : cluster(delayed(process_and_slot), std::views::iota(0, 200))) {
            all.insert(each);
            slots.insert(each.second);
        }
        CHECK(slots == std::set{0, 1, 2, 3});
        CHECK(all.size() == 4);
    }
    const auto outcomes = cluster.outcomes(delayed([](int i) {
                                               if (i % 2 == 0) throw i;
                                           }),
                                           std::views::iota(0, 20));
    for (int i = 0; i < 20; i += 2) CHECK(outcomes[static_cast<std::size_t>(i)].error().worker < 4);
}

/// The lines that come out of this process on its descriptors 1 and 2 meanwhile.
template <class Call>
static std::pair<std::vector<std::string>, std::vector<std::string>> printed_by(const Call& call) {
    const notes folder;
    std::vector<std::string> lines[2];
    int before[2];
    for (const int each : {1, 2}) {
        std::fflush(each == 1 ? stdout : stderr);
        before[each - 1] = dup(each);
        const int to =
            open((folder.path() + std::to_string(each)).c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        dup2(to, each);
        close(to);
    }
    call();
    for (const int each : {1, 2}) {
        std::fflush(each == 1 ? stdout : stderr);
        dup2(before[each - 1], each);
        close(before[each - 1]);
        const std::string file = folder.path() + std::to_string(each);
        std::ifstream printed(file);
        for (std::string line; std::getline(printed, line);) lines[each - 1].push_back(line);
        unlink(file.c_str());
    }
    return {lines[0], lines[1]};
}

TEST_CASE("what tasks print is there when the call returns, with machine and process in front of each line") {
    std::vector<long> pids;
    const auto [out, errors] = printed_by([&] {
        pids = parallel(2, tcp{})(delayed([](int i) {
                                      std::printf("task %d\nand more", i);
                                      std::printf(" of it\n");
                                      std::fprintf(stderr, "error %d\n", i);
                                      return long(getpid());
                                  }),
                                  std::views::iota(0, 50));
    });
    REQUIRE(out.size() == 100);
    // With a sanitizer's thread in it a worker says something of its own, too.
    REQUIRE(std::count_if(errors.begin(), errors.end(), [](const auto& line) { return line[0] == '['; }) == 50);
    for (int i = 0; i < 50; ++i) {
        const std::string prefix = "[" + detail::host_name() + " " + std::to_string(pids[std::size_t(i)]) + "] ";
        CHECK(std::count(out.begin(), out.end(), prefix + "task " + std::to_string(i)) == 1);
        CHECK(std::count(errors.begin(), errors.end(), prefix + "error " + std::to_string(i)) == 1);
        CHECK(std::count(out.begin(), out.end(), prefix + "and more of it") >= 1);
    }
}

TEST_CASE("what a task has printed before it died is there too, and a long line is not lost") {
    const auto shout_and_die = delayed([](int i) {
        std::fputs("last words", stderr);
        if (i == 1) std::fputs(std::string(200'000, 'x').c_str(), stdout);
        std::fflush(stdout);
        raise(SIGKILL);
    });
    const auto [out, errors] = printed_by([&] {
        const auto lost = parallel(1, tcp{.retries = 0}).outcomes(shout_and_die, std::views::iota(0, 2));
        CHECK(lost.size() == 2);
    });
    CHECK(std::count_if(errors.begin(), errors.end(),
                        [](const std::string& each) { return each.ends_with("] last words"); }) == 2);
    std::size_t letters = 0;
    for (const std::string& each : out) letters += static_cast<std::size_t>(std::count(each.begin(), each.end(), 'x'));
    CHECK(letters == 200'000);
}

/// Of 9 MB, which is too long to be kept until all of it is there: it waits in the middle.
struct waits_for_a_note {
    std::string folder;
};
template <>
struct fanout::codec<waits_for_a_note> {
    static void write(writer& to, const waits_for_a_note& it) {
        to(std::string(9 << 20, 'x'));
        if (!it.folder.empty()) becomes_true([&] { return notes::count_in(it.folder, 1) > 0; });
        to(it.folder);
    }
    static waits_for_a_note read(reader& from) {
        from.read<std::string>();
        return {from.read<std::string>()};
    }
};

TEST_CASE("what others print does not hold up a long result that is being read") {
    const notes done;
    const auto [out, err] = printed_by([&] {
        const auto results = parallel(2, tcp{.slots = 2})(delayed([folder = short_text(done.path())](int i) {
                                                              if (i == 0) return waits_for_a_note{folder};
                                                              std::this_thread::sleep_for(300ms);
                                                              const std::string line(1000, 'l');
                                                              for (int n = 0; n < 20'000; ++n) std::puts(line.c_str());
                                                              std::fflush(stdout);
                                                              notes::leave(folder, 1);
                                                              return waits_for_a_note{};
                                                          }),
                                                          std::views::iota(0, 2));
        CHECK(results[0].folder == done.path());
    });
    CHECK(out.size() == 20'000);
}

TEST_CASE("workers that leave between and in short calls take no task along, also with retries = 0") {
    const auto cluster = parallel(2, tcp{.retries = 0});
    for (int round = 0; round < 30; ++round) {
        const auto parents = cluster(delayed([](int) {
                                         std::this_thread::sleep_for(1ms);
                                         return long(getppid());
                                     }),
                                     std::views::iota(0, 10));
        kill(static_cast<pid_t>(parents.back()), SIGTERM);
        if (round % 2 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(round));
    }
    CHECK(cluster(delayed(half), std::views::iota(0, 100)) == halves(100));
}

TEST_CASE("workers that are lost are replaced, however short the calls are") {
    const auto cluster = parallel(3, tcp{});
    const auto workers = [&] {
        std::set<long> all;
        for (const long each : cluster(delayed([](int) {
                                           std::this_thread::sleep_for(2ms);
                                           return long(getppid());
                                       }),
                                       std::views::iota(0, 9)))
            all.insert(each);
        return all;
    };
    std::set<long> before;
    REQUIRE(becomes_true([&] { return (before = workers()).size() == 3; }));
    kill(static_cast<pid_t>(*before.begin()), SIGKILL);
    kill(static_cast<pid_t>(*before.rbegin()), SIGKILL);
    CHECK(becomes_true([&] {
        const auto now = workers();
        return now.size() == 3 && now != before;
    }));
}

TEST_CASE("a trace has a row for each slot with its machine, and a slice for each attempt") {
    const notes folder;
    const std::string file = folder.path() + "/trace.json";
    const short_text started(folder.path());
    const auto run = parallel({.n_jobs = 2, .trace = file, .summarize = true}, tcp{});
    const auto outcomes = run.outcomes(delayed([started](int i) {
                                           usleep(1000);
                                           if (i == 7) throw std::domain_error("seven");
                                           notes::leave(started, i);
                                           const std::filesystem::directory_iterator all{std::string(started)};
                                           const auto tries = std::count_if(begin(all), end(all), [](const auto& each) {
                                               return each.path().filename().string().starts_with("13-");
                                           });
                                           if (i == 13 && tries == 1) raise(SIGKILL);
                                       }),
                                       std::views::iota(0, 40));
    CHECK(std::count_if(outcomes.begin(), outcomes.end(), [](const auto& each) { return each.has_value(); }) == 39);
    std::stringstream all;
    all << std::ifstream(file).rdbuf();
    const std::string text = all.str();
    const auto count = [&](const std::string& what) {
        int found = 0;
        for (std::size_t at = 0; (at = text.find(what, at)) != text.npos; at += what.size()) ++found;
        return found;
    };
    CHECK(count("\"name\":\"worker 0 on " + detail::host_name() + "\"") == 1);
    CHECK(count("\"name\":\"worker 1 on " + detail::host_name() + "\"") == 1);
    CHECK(count("\"cat\":\"task\"") == 39);
    CHECK(count("\"cat\":\"lost\"") == 1);
    CHECK(count("\"cat\":\"failed\"") == 1);
    CHECK(count("\"error\":\"std::domain_error: seven\"") == 1);
    CHECK(count("\"complete\":true") == 1);

    const run_summary summary = run.summary();
    CHECK(summary.tasks == 40);
    CHECK(summary.failed == 1);
    REQUIRE(summary.workers.size() == 2);
    CHECK(summary.workers[0].tasks + summary.workers[1].tasks == 40);
    CHECK(summary.workers[0].host == detail::host_name());
    CHECK(summary.workers[0].busy > 1ms);
    CHECK(summary.wall > summary.workers[0].busy);
    CHECK_THAT(summary.text(), containing("worker 0 on " + detail::host_name() + ": "));
    CHECK(summary.slowest.size() == 5);
}

namespace {
/// Long, and one of them turns out to be impossible to write when most of it has been written.
struct written_in_vain {
    std::vector<double> values;
    bool in_vain = false;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(values);
        if (Archive::is_saving::value && in_vain) throw std::runtime_error("it cannot be written after all");
        archive(in_vain);
    }
};
}  // namespace

TEST_CASE("a long result that is taken back keeps a call that is watched no longer than others") {
    const auto run = parallel({.n_jobs = 2, .summarize = true}, tcp{});
    auto shortest = std::chrono::steady_clock::duration::max();
    for (int call = 0; call < 4; ++call) {
        const auto begun = std::chrono::steady_clock::now();
        const auto all =
            run.outcomes(delayed([](int i) { return written_in_vain{std::vector<double>(1 << 18), i == 2}; }),
                         std::views::iota(0, 6));
        shortest = std::min(shortest, std::chrono::steady_clock::now() - begun);
        for (std::size_t i = 0; i < all.size(); ++i) CHECK(all[i].has_value() == (i != 2));
        CHECK(run.summary().tasks == 6);
    }
    CHECK(shortest < 900ms);  // what comes late is waited for a second
}

TEST_CASE("a shared value is sent once to each worker, as the bytes that went over show") {
    const shared table(std::vector<double>(1'000'000, 0.5));
    const auto run = parallel({.n_jobs = 2, .summarize = true}, tcp{.wait_for_workers = 2});
    const auto use_it = delayed([t = table.ref()](int i) {
        usleep(1000);
        return (*t)[static_cast<std::size_t>(i)];
    });
    static_cast<void>(run(use_it, std::views::iota(0, 200)));
    CHECK(run.summary().bytes_sent > 16'000'000);
    CHECK(run.summary().bytes_sent < 16'200'000);
    static_cast<void>(run(use_it, std::views::iota(0, 200)));
    CHECK(run.summary().bytes_sent < 200'000);
    CHECK(run.summary().bytes_received > 200 * sizeof(double));
}

TEST_CASE("progress says how many slots there are") {
    int most = 0;
    parallel({.n_jobs = 3, .on_progress = [&](const progress& now) { most = std::max(most, now.workers); }},
             tcp{.wait_for_workers = 3})(delayed([](int) { usleep(5'000); }), std::views::iota(0, 90));
    CHECK(most == 3);
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

TEST_CASE("who wants the longest tasks first is told how to have it") {
    try {
        parallel(2, tcp{})(delayed(half).longest_first([](int i) { return i; }), std::vector{1});
        FAIL("it ran");
    } catch (const std::invalid_argument& e) {
        CHECK_THAT(e.what(), containing("sort the elements, those that take longest first"));
        CHECK_THAT(e.what(), containing(".batch_size = 1"));
    }
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
