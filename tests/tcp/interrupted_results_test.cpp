// Results that break off, calls that end in the middle, and what tasks and other processes do to the connection.
#include <fanout/tcp/remote_outcomes.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/becomes_true.hpp"
#include "support/matchers.hpp"
#include "support/notes.hpp"
#include "support/sanitizers.hpp"
#include "support/tests_with_workers.hpp"

using namespace fanout;
using namespace std::chrono_literals;

/// Its worker dies when a part of it is on the way, once.
struct fatal_once {
    std::string folder;
    std::string text;
};
template <>
struct fanout::codec<fatal_once> {
    static void write(writer& to, const fatal_once& it) {
        to(it.folder);
        to(std::string(4 << 20, 'x'));
        if (::access((it.folder + "/died").c_str(), F_OK) != 0) {
            close(open((it.folder + "/died").c_str(), O_CREAT | O_WRONLY, 0600));
            usleep(100'000);  // until the part has arrived
            kill(getppid(), SIGKILL);
            pause();
        }
        to(it.text);
    }
    static fatal_once read(reader& from) {
        fatal_once it;
        it.folder = from.read<std::string>();
        if (from.read<std::string>().size() != 4 << 20) throw std::logic_error("another text");
        it.text = from.read<std::string>();
        return it;
    }
};

/// That of task 0 stops in the middle until all others have been run.
struct patient {
    int task = 0;
    int tasks = 0;
    std::string folder;
};
template <>
struct fanout::codec<patient> {
    static void write(writer& to, const patient& it) {
        to(std::string(2 << 20, 'x'));
        if (it.task == 0) {
            for (int i = 1; i < it.tasks; ++i)
                if (!becomes_true([&] { return notes::count_in(it.folder, i) > 0; })) return;  // a result too short
        }
        to(it.task);
    }
    static patient read(reader& from) {
        if (from.read<std::string>().size() != 2 << 20) throw std::logic_error("another text");
        return {from.read<int>(), 0, {}};
    }
};

/// Long, and each of its frames begins as a result does. Who reads it ends the call.
struct misleading {
    std::uint64_t task = 0;
};
template <>
struct fanout::codec<misleading> {
    using words = std::array<std::uint64_t, 8>;
    static_assert(sizeof(detail::result_header) == 5 * sizeof(std::uint64_t));  // in front of the first of them

    static void write(writer& to, const misleading& it) {
        for (int i = 0; i < 4'000'000; ++i) to(words{i == 0 ? 1u : 2u, 0, 0, 1, it.task, 0, 1, 1});
    }
    static misleading read(reader& from) {
        for (int i = 0; i < 4'000'000; ++i) {
            if (from.read<words>()[0] != (i == 0 ? 1 : 2)) ++others;
            stop.request_stop();
        }
        return {};
    }
    static inline std::stop_source stop;
    static inline int others = 0;  // that were read and never written
};

/// Cannot be read in a worker.
struct unreadable_there {
    int x = 0;
    int operator()(int i) const { return i + x; }
};
template <>
struct fanout::codec<unreadable_there> {
    static void write(writer& to, const unreadable_there& it) { to(it.x); }
    static unreadable_there read(reader&) { throw 42; }
};

TEST_CASE("a task whose worker is lost in the middle of its result is tried again") {
    const notes folder;
    const auto results = parallel(2, tcp{})(
        delayed([in = short_text(folder.path())](int i) { return fatal_once{in, std::to_string(i)}; }),
        std::views::iota(0, 6));
    REQUIRE(results.size() == 6);
    for (int i = 0; i < 6; ++i) CHECK(results[static_cast<std::size_t>(i)].text == std::to_string(i));
}

TEST_CASE("while a result stops in the middle the others go on") {
    const notes run;
    const auto results =
        parallel({.n_jobs = 2, .batch_size = 1}, tcp{.retries = 0})(delayed([folder = short_text(run.path())](int i) {
                                                                        notes::leave(folder, i);
                                                                        return patient{i, 30, folder};
                                                                    }),
                                                                    std::views::iota(0, 30));
    for (int i = 0; i < 30; ++i) CHECK(results[static_cast<std::size_t>(i)].task == i);
}

TEST_CASE("when a task of a chunk throws, those behind it are not begun") {
    const notes begun;
    const auto call = parallel({.n_jobs = 1, .batch_size = 100}, tcp{});
    CHECK_THROWS_AS(call(delayed([folder = short_text(begun.path())](int i) {
                             notes::leave(folder, i);
                             if (i == 2) throw std::out_of_range("two");
                             return i;
                         }),
                         std::views::iota(0, 100)),
                    std::out_of_range);
    CHECK(begun.count(2) == 1);
    CHECK(begun.count(3) == 0);
    CHECK(begun.count(99) == 0);
    // Unless all are wanted.
    const auto outcomes = call.outcomes(delayed([](int i) {
                                            if (i == 2) throw std::out_of_range("two");
                                            return i;
                                        }),
                                        std::views::iota(0, 100));
    for (int i = 0; i < 100; ++i) CHECK(outcomes[static_cast<std::size_t>(i)].has_value() == (i != 2));
}

TEST_CASE("a stream of chunks gives the results before a task that throws") {
    int seen = 0;
    const auto read = [&] {
        for (int each : parallel({.n_jobs = 2, .batch_size = 10}, tcp{})
                            .stream(delayed([](int i) {
                                        if (i == 25) throw 42;
                                        return i;
                                    }),
                                    std::views::iota(0, 100)))
            CHECK(each == seen++);
    };
    CHECK_THROWS_AS(read(), int);
    CHECK(seen == 25);
}

TEST_CASE("the descriptors of a task are its own, also in what it forks") {
    const auto results = parallel(2, tcp{})(delayed([](int) {
                                                const int file = open("/dev/null", O_RDONLY);
                                                const pid_t child = fork();
                                                if (child == 0) _exit(fcntl(file, F_GETFD) < 0);
                                                int status = 0;
                                                waitpid(child, &status, 0);
                                                close(file);
                                                return WEXITSTATUS(status);
                                            }),
                                            std::views::iota(0, 4));
    CHECK(results == std::vector<int>(4, 0));
}

TEST_CASE("the rest of a result that nobody reads any more is not taken for another") {
    const auto call = parallel({.n_jobs = 2, .stop = codec<misleading>::stop.get_token()}, tcp{});
    const auto tasks = std::views::iota(std::uint64_t(0), std::uint64_t(4));
    CHECK_THROWS_AS(call(delayed([](std::uint64_t i) { return misleading{i}; }), tasks), cancelled);
    CHECK(codec<misleading>::others == 0);
}

#if !FANOUT_TESTS_UNDER_TSAN  // its forked children can have no threads
/// Starts workers when it may go on; in a forked child at once.
class held_up final : public detail::launcher_base {
public:
    std::unique_ptr<detail::launched_workers> launch(const detail::worker_order& order) const override {
        if (getpid() == parent_) {
            begun.store(true);
            begun.notify_one();
            goes_on.wait(false);
        }
        return local{}.make_launcher()->launch(order);
    }
    bool is_local() const noexcept override { return true; }
    bool starts_all() const noexcept override { return true; }

    mutable std::atomic<bool> begun = false;
    std::atomic<bool> goes_on = false;

private:
    const pid_t parent_ = getpid();
};
struct held_up_workers {
    std::shared_ptr<held_up> starter;
    std::shared_ptr<const detail::launcher_base> make_launcher() const { return starter; }
};

TEST_CASE("a kept object is of use in a child that is forked while its workers are being started") {
    const auto starter = std::make_shared<held_up>();
    const auto kept = parallel(1, tcp{.workers = held_up_workers{starter}});
    const auto call = [&] { return kept(delayed([](int i) { return i; }), std::views::iota(0, 3)); };
    std::vector<int> results;
    std::thread first([&] { results = call(); });
    starter->begun.wait(false);
    const pid_t child = fork();
    if (child == 0) {
        alarm(30);
        _exit(call() == std::vector{0, 1, 2} ? 7 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 7));
    starter->goes_on.store(true);
    starter->goes_on.notify_one();
    first.join();
    CHECK(results == std::vector{0, 1, 2});
}

TEST_CASE("a kept object has other workers in a forked child") {
    const auto kept = parallel(1, tcp{});
    CHECK(kept(delayed([](int i) { return i; }), std::views::iota(0, 3)) == std::vector{0, 1, 2});
    const auto outcomes =
        parallel({.n_jobs = 2, .timeout = 60s}, processes{.retries = 0})
            .outcomes(delayed([&](int i) { return kept(delayed([](int j) { return j; }), std::views::iota(0, i)); }),
                      std::views::iota(1, 4));
    for (int i = 1; i < 4; ++i) {
        const auto& one = outcomes[static_cast<std::size_t>(i - 1)];
        REQUIRE(one.has_value());
        CHECK(one->size() == static_cast<std::size_t>(i));
    }
    CHECK(kept(delayed([](int i) { return i; }), std::views::iota(0, 3)) == std::vector{0, 1, 2});
}
#endif

TEST_CASE("who waits for workers can be stopped") {
    const auto call = parallel({.n_jobs = 1, .deadline = 50ms},
                               tcp{.workers = external{.quiet = true}, .wait_for_workers = 1, .patience = 60s});
    CHECK_THROWS_AS(call(delayed([](int i) { return i; }), std::views::iota(0, 3)), deadline_exceeded);
}

TEST_CASE("whatever the reading of a function throws, the worker stays, and the call says it") {
    const auto call = parallel(1, tcp{});
    CHECK_THROWS_WITH(call(delayed(unreadable_there{1}), std::views::iota(0, 3)), containing("42"));
    CHECK(call(delayed([](int i) { return i; }), std::views::iota(0, 3)) == std::vector{0, 1, 2});
    CHECK_THROWS_WITH(call(delayed(unreadable_there{1}), std::views::iota(0, 3)), containing("42"));
}
