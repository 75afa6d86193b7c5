// Workers and coordinators that stop in the middle of a call, as a machine does that sleeps, and go on later.
#include <fanout/tcp/hub.hpp>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
#include <fstream>
#include <ranges>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/becomes_true.hpp"
#include "support/notes.hpp"
#include "support/on_cluster.hpp"
#include "support/program_by_hand.hpp"
#include "support/tests_with_workers.hpp"

using namespace fanout;
using namespace std::chrono_literals;

namespace {

detail::cluster_settings plain_and_impatient(launcher workers) {
    detail::cluster_settings how = impatient(std::move(workers));
    how.plain = true;
    return how;
}

std::vector<pid_t> children_of(pid_t of) {
    std::vector<pid_t> all;
    std::ifstream list("/proc/" + std::to_string(of) + "/task/" + std::to_string(of) + "/children");
    for (pid_t each = 0; list >> each;) all.push_back(each);
    return all;
}

/// To a worker and to its slots.
void tell(pid_t worker, int signal) {
    for (const pid_t slot : children_of(worker)) kill(slot, signal);
    kill(worker, signal);
}

}  // namespace

TEST_CASE("a worker that stops is given up, what it had goes to others, and it comes back when it goes on") {
    detail::cluster on(plain_and_impatient(external{.quiet = true}), 2);
    program_by_hand sleeper({"--fanout-worker", on.addresses(), "--plain"});
    program_by_hand other({"--fanout-worker", on.addresses(), "--plain"});
    REQUIRE(on.wait_for_workers(2, 30s));
    const notes started;
    const short_text folder(started.path());
    std::jthread puts_to_sleep([&] {
        becomes_true([&] { return started.count(20) > 0; });
        tell(sleeper.pid(), SIGSTOP);
        becomes_true([&] { return on.worker_count() == 1; });
        tell(sleeper.pid(), SIGCONT);
    });
    const auto results = parallel({.n_jobs = 2, .batch_size = 1}, on_cluster{&on})(delayed([folder](int i) {
                                                                                       notes::leave(folder, i);
                                                                                       usleep(20'000);
                                                                                       return i * 3;
                                                                                   }),
                                                                                   std::views::iota(0, 200));
    for (int i = 0; i < 200; ++i) REQUIRE(results[static_cast<std::size_t>(i)] == i * 3);
    puts_to_sleep.join();
    CHECK(on.wait_for_workers(2, 30s));
    const auto again = parallel(2, on_cluster{&on})(delayed([](int i) { return i; }), std::views::iota(0, 100));
    for (int i = 0; i < 100; ++i) REQUIRE(again[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("a slot that stops is not a worker that stops: its task is waited for") {
    detail::cluster on(plain_and_impatient(external{.quiet = true}), 1);
    program_by_hand worker({"--fanout-worker", on.addresses(), "--plain"});
    REQUIRE(on.wait_for_workers(1, 30s));
    const notes started;
    const short_text folder(started.path());
    std::jthread stops([&] {
        becomes_true([&] { return started.count(3) > 0; });
        const std::vector<pid_t> slots = children_of(worker.pid());
        for (const pid_t each : slots) kill(each, SIGSTOP);
        std::this_thread::sleep_for(2s);
        for (const pid_t each : slots) kill(each, SIGCONT);
    });
    const auto results = parallel(1, on_cluster{&on, 0})(delayed([folder](int i) {
                                                             notes::leave(folder, i);
                                                             usleep(5'000);
                                                             return i;
                                                         }),
                                                         std::views::iota(0, 20));
    for (int i = 0; i < 20; ++i) {
        CHECK(results[static_cast<std::size_t>(i)] == i);
        CHECK(started.count(i) == 1);
    }
}

TEST_CASE("when everything stops and goes on, as when a laptop sleeps, nobody is given up and nothing is run twice") {
    const notes started;
    const short_text folder(started.path());
    const pid_t laptop = fork();
    if (laptop == 0) {
        setpgid(0, 0);
        detail::cluster on(plain_and_impatient(local{}), 2);
        const auto results = parallel(2, on_cluster{&on, 0})(delayed([folder](int i) {
                                                                 notes::leave(folder, i);
                                                                 usleep(20'000);
                                                                 return i;
                                                             }),
                                                             std::views::iota(0, 100));
        for (int i = 0; i < 100; ++i)
            if (results[static_cast<std::size_t>(i)] != i) _exit(1);
        _exit(0);
    }
    setpgid(laptop, laptop);
    REQUIRE(becomes_true([&] { return started.count(20) > 0; }));
    kill(-laptop, SIGSTOP);
    std::this_thread::sleep_for(2500ms);
    kill(-laptop, SIGCONT);
    int status = 0;
    REQUIRE(waitpid(laptop, &status, 0) == laptop);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    for (int i = 0; i < 100; ++i) CHECK(started.count(i) == 1);
}
