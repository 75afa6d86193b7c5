// Few descriptors, no room for processes, a program that reaps everything, threads that hold locks: it works, or says
// what is wrong.
#include <fanout/processes/processes.hpp>

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/crashes.hpp"
#include "support/in_a_child.hpp"
#include "support/leaks.hpp"
#include "support/long_tests.hpp"
#include "support/matchers.hpp"
#include "support/run_on_processes.hpp"
#include "support/sanitizers.hpp"

namespace {

std::string text_of(std::size_t i) { return "task " + std::to_string(i); }

[[maybe_unused]] std::string call(int n_jobs) {
    portable_job job({.size = 30}, portable_job::text_function([](std::size_t i) {
                         usleep(500);
                         return text_of(i);
                     }));
    try {
        fanout::processes{}.run(job, n_jobs);
    } catch (const std::exception& e) {
        return e.what();
    }
    if (!job.each_stored_once()) return "not each once";
    for (std::size_t i = 0; i < 30; ++i)
        if (job.texts[i] != text_of(i)) return job.failures[i] ? job.failures[i]->what : "wrong";
    return "good";
}

}  // namespace

#if !FANOUT_TESTS_UNDER_TSAN && !FANOUT_TESTS_UNDER_ASAN

TEST_CASE("with few descriptors there are fewer workers, and it is said", "[chaos][environment]") {
    const std::string said = in_a_child([] {
        const rlimit few{20, 20};
        setrlimit(RLIMIT_NOFILE, &few);
        return call(40);
    });
    CHECK_THAT(said, containing("instead of 30 workers: Too many open files"));
    CHECK_THAT(said, ending_with("good"));
}

TEST_CASE("without any descriptor there is an error that says so", "[chaos][environment]") {
    const std::string said = in_a_child([] {
        const rlimit none{3, 3};
        setrlimit(RLIMIT_NOFILE, &none);
        return call(2);
    });
    CHECK_THAT(said, containing("raise `ulimit -n`"));
}

TEST_CASE("where no process can be forked there is an error, where few can there are fewer workers",
          "[chaos][environment]") {
    if (geteuid() != 0) return;  // the limit is one of a user, and this one may have any number of processes
    const auto with_limit = [](rlim_t most) {
        return in_a_child([most] {
            const rlimit limit{most, most};
            setrlimit(RLIMIT_NPROC, &limit);
            if (setuid(54321) != 0) return std::string("no setuid");  // a user without processes
            return call(8);
        });
    };
    CHECK_THAT(with_limit(1), containing("could not fork a single worker: Resource temporarily unavailable"));
    const std::string few = with_limit(3);
    CHECK_THAT(few, containing("works with 2 instead of 8 workers"));
    CHECK_THAT(few, ending_with("good"));
}

TEST_CASE("a program that ignores SIGCHLD, or reaps everybody's children, gets its results", "[chaos][environment]") {
    CHECK(in_a_child([] {
              signal(SIGCHLD, SIG_IGN);
              return call(3);
          }) == "good");
    CHECK(in_a_child([] {
              signal(SIGCHLD, [](int) {
                  while (waitpid(-1, nullptr, WNOHANG) > 0) {
                  }
              });
              return call(3);
          }) == "good");
    CHECK_THAT(in_a_child([] {
                   signal(SIGCHLD, SIG_IGN);
                   portable_job job({.size = 3}, portable_job::text_function([](std::size_t i) {
                                        if (i == 1) _exit(3);
                                        return text_of(i);
                                    }));
                   fanout::processes{}.run(job, 2);
                   return job.failures[1]->what;
               }),
               containing("its exit status is not known"));
}

TEST_CASE("children of the program's own are left alone", "[chaos][environment]") {
    const pid_t own = fork();
    if (own == 0) _exit(42);
    for (int i = 0; i < 5; ++i) CHECK(call(3) == "good");
    int status = 0;
    CHECK(waitpid(own, &status, 0) == own);
    CHECK(WEXITSTATUS(status) == 42);
}

TEST_CASE("forking from a program whose threads allocate, print and throw does not hang", "[chaos][threads]") {
    const std::string said = in_a_child([] {
        std::atomic<bool> done = false;
        std::vector<std::thread> others;
        for (int i = 0; i < 3; ++i)
            others.emplace_back([&] {
                while (!done) {
                    std::vector<std::string> many(100, std::string(1000, 'x'));
                    std::ostringstream text;
                    text << many.size();
                    try {
                        throw std::runtime_error(text.str());
                    } catch (const std::exception&) {
                    }
                }
            });
        std::string result = "good";
        for (int round = 0; round < rounds(100, 400) && result == "good"; ++round) {
            portable_job job({.size = 8}, portable_job::text_function([](std::size_t i) {
                                 std::ostringstream text;
                                 text << "task " << i;
                                 try {
                                     throw std::runtime_error(text.str());
                                 } catch (const std::exception& e) {
                                     return std::string(e.what());
                                 }
                             }));
            fanout::processes{}.run(job, 4);
            for (std::size_t i = 0; i < 8; ++i)
                if (job.texts[i] != text_of(i)) result = "wrong";
        }
        done = true;
        for (std::thread& each : others) each.join();
        return result;
    });
    CHECK_THAT(said, containing("other threads (3)"));
    CHECK_THAT(said, ending_with("good"));
}

TEST_CASE("a task that waits for a lock of another thread fails by its time limit, and is told why",
          "[chaos][threads]") {
    const std::string said = in_a_child([] {
        std::mutex mutex;
        std::atomic<bool> locked = false, done = false;
        std::thread holder([&] {
            const std::lock_guard lock(mutex);
            locked = true;
            while (!done) usleep(100);
        });
        while (!locked) usleep(100);
        portable_job job({.size = 2, .timeout = 0.2}, portable_job::text_function([&](std::size_t i) {
                             if (i == 1) const std::lock_guard lock(mutex);
                             return text_of(i);
                         }));
        fanout::processes{}.run(job, 2);
        done = true;
        holder.join();
        return job.failures[1]->what;
    });
    CHECK_THAT(said, containing("the task may wait for a lock that one of them held"));
}

TEST_CASE("a worker that does not get to its first task is replaced, and at last given up", "[chaos][threads]") {
    // Stopped before it is anything: as if it waited for a lock.
    static bool stops_children = false;
    static const int registered = pthread_atfork(nullptr, nullptr, [] {
        while (stops_children) pause();
    });
    REQUIRE(registered == 0);
    fanout::detail::process_settings settings;
    settings.workers = 1;
    settings.start_patience = std::chrono::milliseconds(50);
    portable_job job({.size = 4}, portable_job::text_function(text_of));
    stops_children = true;
    CHECK_THROWS_WITH(run_on_processes(job, settings), containing("it did not start"));
    stops_children = false;
}

#endif
