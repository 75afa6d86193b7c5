// Tests of processes.hpp: what users can rely on, with a job that is made by hand.
#include <fanout/processes/processes.hpp>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <new>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/crashes.hpp"
#include "support/leaks.hpp"
#include "support/matchers.hpp"
#include "support/portable_job.hpp"
#include "support/sanitizers.hpp"
#include "support/shared_counters.hpp"

using fanout::processes;

namespace {

using text_function = portable_job::text_function;
using number_function = portable_job::number_function;

std::string text_of_index(std::size_t i) { return "task " + std::to_string(i); }

double seconds_since(std::chrono::steady_clock::time_point then) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - then).count();
}

}  // namespace

TEST_CASE("results that are written, and flat ones, come back each to its place", "[processes]") {
    for (const int n_jobs : {1, 2, 8}) {
        for (const std::size_t size : {std::size_t(1), std::size_t(2), std::size_t(1000)}) {
            for (const std::optional<std::size_t> batch :
                 {std::optional<std::size_t>(), std::optional<std::size_t>(7)}) {
                CAPTURE(n_jobs, size);
                portable_job texts({.size = size, .batch = batch}, text_function(text_of_index));
                processes{}.run(texts, n_jobs);
                REQUIRE(texts.each_stored_once());
                for (std::size_t i = 0; i < size; ++i) CHECK(texts.texts[i] == text_of_index(i));
                portable_job numbers({.size = size, .batch = batch},
                                     number_function([](std::size_t i) { return static_cast<std::int64_t>(i * i); }));
                processes{}.run(numbers, n_jobs);
                REQUIRE(numbers.each_stored_once());
                for (std::size_t i = 0; i < size; ++i) CHECK(numbers.numbers[i] == static_cast<std::int64_t>(i * i));
            }
        }
    }
}

TEST_CASE("a result may be many times longer than a ring, or empty", "[processes]") {
    portable_job job({.size = 6}, text_function([](std::size_t i) {
                         return i % 2 ? std::string() : std::string(5'000'000 + i, static_cast<char>('a' + i));
                     }));
    processes{}.run(job, 2);
    REQUIRE(job.each_stored_once());
    for (std::size_t i = 0; i < 6; ++i)
        CHECK(job.texts[i] == (i % 2 ? std::string() : std::string(5'000'000 + i, static_cast<char>('a' + i))));
}

TEST_CASE("tasks run in n_jobs processes, none of them this one, and what they change stays with them", "[processes]") {
    int counter = 0;
    portable_job job({.size = 40}, number_function([&](std::size_t) {
                         ++counter;
                         usleep(5'000);
                         return std::int64_t(getpid());
                     }));
    processes{}.run(job, 2);
    const std::set<std::int64_t> pids(job.numbers.begin(), job.numbers.end());
    CHECK(pids.size() == 2);
    CHECK(pids.count(getpid()) == 0);
    CHECK(counter == 0);
}

TEST_CASE("an input that is read once is read by the caller, and its elements are sent", "[processes]") {
    for (const int n_jobs : {1, 2, 5}) {
        CAPTURE(n_jobs);
        portable_job job(
            {}, [](std::size_t i) { return i < 200 ? std::optional(text_of_index(i)) : std::nullopt; },
            [](const std::string& element) { return element + "!"; });
        processes{}.run(job, n_jobs);
        REQUIRE(job.texts.size() == 200);
        REQUIRE(job.each_stored_once());
        for (std::size_t i = 0; i < 200; ++i) CHECK(job.texts[i] == text_of_index(i) + "!");
    }
}

TEST_CASE("elements and results of an input that is read once may be longer than a ring", "[processes]") {
    const auto long_text = [](std::size_t i) { return std::string(3'000'000, static_cast<char>('a' + i)); };
    portable_job job(
        {}, [&](std::size_t i) { return i < 6 ? std::optional(long_text(i)) : std::nullopt; },
        [](const std::string& element) { return element + element; });
    processes{}.run(job, 2);
    REQUIRE(job.texts.size() == 6);
    for (std::size_t i = 0; i < 6; ++i) CHECK(job.texts[i] == long_text(i) + long_text(i));
}

TEST_CASE("many long results at once are read one after the other, and nobody is forgotten", "[processes]") {
    for (int round = 0; round < 10; ++round) {
        const auto element = [](std::size_t i) {
            return std::string(700'000 + 90'000 * i, static_cast<char>('a' + i));
        };
        portable_job job(
            {}, [&](std::size_t i) { return i < 20 ? std::optional(element(i)) : std::nullopt; },
            [](const std::string& text) { return text; });
        processes{}.run(job, 6);
        REQUIRE(job.texts.size() == 20);
        for (std::size_t i = 0; i < 20; ++i) REQUIRE(job.texts[i] == element(i));
    }
}

TEST_CASE("an input that is read once and has nothing in it is no error", "[processes]") {
    portable_job job(
        {}, [](std::size_t) { return std::optional<std::string>(); }, [](const std::string& s) { return s; });
    processes{}.run(job, 2);
    CHECK(job.texts.empty());
}

TEST_CASE("without tasks nothing is forked", "[processes]") {
    portable_job job({.size = 0}, text_function(text_of_index));
    processes{.initializer = [] { throw 1; }}.run(job, 3);
    CHECK(job.times_stored() == 0);
}

TEST_CASE("there are no more workers than tasks", "[processes]") {
    const shared_counters started;
    portable_job job({.size = 2}, text_function([](std::size_t i) {
                         usleep(20'000);
                         return text_of_index(i);
                     }));
    processes{.initializer = [&] { ++started[0]; }}.run(job, 8);
    CHECK(started[0] == 2);
}

TEST_CASE("a call whose values cannot be written is refused in plain words", "[processes]") {
    portable_job job({.size = 3, .portable = false}, text_function(text_of_index));
    CHECK_THROWS_AS(processes{}.run(job, 2), std::invalid_argument);
    CHECK_THROWS_WITH(processes{}.run(job, 2), containing("cannot be written as bytes"));
}

TEST_CASE("what could never work is refused, with what to write instead", "[processes]") {
    portable_job job({.size = 3}, text_function(text_of_index));
    CHECK_THROWS_WITH(processes{.retries = -1}.run(job, 2), containing("give 0 to try every task once, or more"));
    CHECK_THROWS_WITH(processes{.memory_limit = 1000}.run(job, 2), containing("give at least 1 MB"));
    CHECK_THROWS_WITH(processes{.max_tasks_per_worker = 0}.run(job, 2), containing("give 1 or more"));
    CHECK_THROWS_WITH(processes{.inner_threads = 0}.run(job, 2), containing("give 1 or more"));
}

TEST_CASE("a task that throws is not tried again, and the others go on", "[processes][failures]") {
    const shared_counters tries;
    portable_job job({.size = 20}, text_function([&](std::size_t i) {
                         if (i == 7) {
                             ++tries[0];
                             throw std::out_of_range("seven");
                         }
                         return text_of_index(i);
                     }));
    processes{}.run(job, 2);
    REQUIRE(job.each_stored_once());
    REQUIRE(job.failures[7]);
    CHECK(job.failures[7]->type == "std::out_of_range");
    CHECK(job.failures[7]->what == "seven");
    CHECK(job.failures[7]->attempts == 1);
    CHECK(tries[0] == 1);
}

TEST_CASE("all tasks may fail", "[processes][failures]") {
    for (const bool flat : {false, true}) {
        portable_job texts({.size = 500}, text_function([](std::size_t) -> std::string { throw 5; }));
        portable_job numbers({.size = 500}, number_function([](std::size_t) -> std::int64_t { throw 5; }));
        portable_job& job = flat ? numbers : texts;
        processes{}.run(job, 2);
        CHECK(job.each_stored_once());
        for (const auto& each : job.failures) CHECK(each);
    }
}

TEST_CASE("what goes wrong while a result is written is the failure of that task", "[processes][failures]") {
    for (const std::size_t before : {std::size_t(0), std::size_t(1000), std::size_t(3'000'000)}) {
        CAPTURE(before);
        portable_job job({.size = 20}, text_function(text_of_index));
        job.write_first = [&](std::size_t i, fanout::byte_sink& to) {
            if (i != 11) return;
            write_text(to, std::string(before, 'x'));
            throw std::domain_error("half-way");
        };
        job.read_first = [&](std::size_t i, fanout::byte_source& from) {
            if (i == 11) read_text(from);
        };
        processes{}.run(job, 2);
        REQUIRE(job.each_stored_once());
        REQUIRE(job.failures[11]);
        CHECK(job.failures[11]->type == "std::domain_error");
        CHECK(job.failures[11]->what == "half-way");
        CHECK(job.texts[19] == text_of_index(19));
    }
}

TEST_CASE("what goes wrong while a result is read is the failure of that task", "[processes][failures]") {
    for (const std::size_t size : {std::size_t(10), std::size_t(4'000'000)}) {
        CAPTURE(size);
        const shared_counters tries;
        portable_job job({.size = 20}, text_function([&](std::size_t i) {
                             if (i == 11) ++tries[0];
                             return std::string(size, 'y');
                         }));
        job.read_first = [](std::size_t i, fanout::byte_source&) {
            if (i == 11) throw std::domain_error("makes no sense");
        };
        processes{}.run(job, 2);
        REQUIRE(job.each_stored_once());
        REQUIRE(job.failures[11]);
        CHECK(job.failures[11]->type == "std::domain_error");
        CHECK(tries[0] == 1);
        CHECK(job.texts[12] == std::string(size, 'y'));
    }
}

TEST_CASE("a reader that wants more than was written gets an exception, and not the next message",
          "[processes][failures]") {
    portable_job job({.size = 20}, text_function(text_of_index));
    job.read_first = [](std::size_t i, fanout::byte_source& from) {
        char bytes[500];
        if (i == 4) from.read(bytes, sizeof bytes);
    };
    processes{}.run(job, 2);
    REQUIRE(job.each_stored_once());
    REQUIRE(job.failures[4]);
    CHECK_THAT(job.failures[4]->what, containing("end too early"));
    CHECK(job.texts[5] == text_of_index(5));
}

TEST_CASE("a call can be stopped while its tasks run, and they are killed", "[processes]") {
    for (const bool read_once : {false, true}) {
        CAPTURE(read_once);
        const shared_counters running;
        const auto hang = [&](std::size_t) -> std::string {
            ++running[0];
            for (;;) pause();
        };
        portable_job indexed({.size = 10}, text_function(hang));
        portable_job fed(
            {}, [](std::size_t) { return std::optional<std::string>("x"); },
            [&](const std::string&) { return hang(0); });
        portable_job& job = read_once ? fed : indexed;
        std::thread stopper([&] {
            while (running[0] < 2) std::this_thread::yield();
            job.cancel();
        });
        processes{}.run(job, 2);
        stopper.join();
        CHECK_FALSE(has_children());
        CHECK(job.times_stored() == 0);
    }
}

TEST_CASE("a call that is stopped already runs nothing", "[processes]") {
    portable_job job({.size = 10}, text_function(text_of_index));
    job.cancel();
    processes{}.run(job, 2);
    CHECK(job.times_stored() == 0);
}

TEST_CASE("the time limit counts from a task's own start, and costs that task alone", "[processes][failures]") {
    const auto began = std::chrono::steady_clock::now();
    portable_job job({.size = 30, .timeout = 0.3}, text_function([](std::size_t i) {
                         if (i == 3)
                             for (;;) pause();
                         usleep(30'000);  // together they take longer than the limit
                         return text_of_index(i);
                     }));
    processes{}.run(job, 2);
    CHECK(seconds_since(began) < 10);
    REQUIRE(job.each_stored_once());
    for (std::size_t i = 0; i < 30; ++i) CHECK(job.failures[i].has_value() == (i == 3));
    CHECK(job.failures[3]->type == "fanout::task_timeout");
    CHECK(job.failures[3]->attempts == 1);
    CHECK_THAT(job.failures[3]->what, starting_with("ran for longer than the timeout of 0.3"));
    CHECK_THROWS_AS(std::rethrow_exception(job.failures[3]->exception), fanout::task_timeout);
}

TEST_CASE("a first task that takes too long is found out in time, whoever else there is", "[processes][failures]") {
    for (const int n_jobs : {1, 2, 8}) {
        const auto began = std::chrono::steady_clock::now();
        portable_job job({.size = 2, .timeout = 0.1}, text_function([](std::size_t i) {
                             if (i == 0)
                                 for (;;) pause();
                             return text_of_index(i);
                         }));
        processes{}.run(job, n_jobs);
        CHECK(job.failures[0]);
        CHECK(seconds_since(began) < 3);  // less than it has for its start
    }
}

TEST_CASE("the initializer runs once in each worker, also in those that take over", "[processes]") {
    const shared_counters counts;
    int prepared = 0;
    const processes backend{.max_tasks_per_worker = 5, .initializer = [&, own = std::string("captures")] {
                                ++counts[0];
                                prepared = static_cast<int>(own.size());
                            }};
    portable_job job({.size = 20}, number_function([&](std::size_t) { return std::int64_t(prepared); }));
    backend.run(job, 1);
    CHECK(job.each_stored_once());
    for (const std::int64_t each : job.numbers) CHECK(each == 8);
    CHECK(counts[0] == 4);
}

TEST_CASE("what the initializer throws ends the call", "[processes][failures]") {
    portable_job job({.size = 20}, text_function(text_of_index));
    const processes backend{.initializer = [] { throw std::domain_error("no model"); }};
    CHECK_THROWS_WITH(backend.run(job, 2), "std::domain_error: no model");
    CHECK_FALSE(has_children());
}

TEST_CASE("an initializer that throws what cannot be written is told of in words, and no task is blamed",
          "[processes][failures]") {
    portable_job job({.size = 20}, text_function(text_of_index));
    job.write_exception_first = [] { throw 1; };
    const processes backend{.initializer = [] { throw std::domain_error("no model"); }};
    CHECK_THROWS_WITH(backend.run(job, 2), "fanout: the initializer of processes threw std::domain_error: no model");
    CHECK(job.times_stored() == 0);
}

TEST_CASE("a task that throws what cannot be written fails with its type and text", "[processes][failures]") {
    portable_job job({.size = 5}, text_function([](std::size_t i) {
                         if (i == 2) throw std::domain_error("two");
                         return text_of_index(i);
                     }));
    job.write_exception_first = [] { throw 1; };
    processes{}.run(job, 2);
    REQUIRE(job.each_stored_once());
    REQUIRE(job.failures[2]);
    CHECK(job.failures[2]->type == "std::domain_error");
    CHECK(job.failures[2]->what == "two");
}

TEST_CASE("an initializer that crashes breaks the pool", "[processes][failures]") {
    const plain_crashes plain;
    portable_job job({.size = 20}, text_function(text_of_index));
    const processes backend{.initializer = [] { std::abort(); }};
    CHECK_THROWS_AS(backend.run(job, 2), fanout::pool_broken);
    portable_job fed(
        {}, [](std::size_t) { return std::optional<std::string>("x"); }, [](const std::string& s) { return s; });
    CHECK_THROWS_AS(backend.run(fed, 2), fanout::pool_broken);
    CHECK_FALSE(has_children());
}

TEST_CASE("a worker makes room for a fresh one after so many tasks", "[processes]") {
    for (const bool flat : {false, true}) {
        for (const std::optional<std::size_t> batch : {std::optional<std::size_t>(), std::optional<std::size_t>(10)}) {
            portable_job texts({.size = 33, .batch = batch},
                               text_function([](std::size_t) { return std::to_string(getpid()); }));
            portable_job numbers({.size = 33, .batch = batch},
                                 number_function([](std::size_t) { return std::int64_t(getpid()); }));
            portable_job& job = flat ? numbers : texts;
            processes{.max_tasks_per_worker = 4}.run(job, 2);
            REQUIRE(job.each_stored_once());
            std::multiset<std::string> pids;
            for (std::size_t i = 0; i < 33; ++i) pids.insert(flat ? std::to_string(job.numbers[i]) : *job.texts[i]);
            for (const std::string& each : pids) CHECK(pids.count(each) <= 4);
        }
    }
}

TEST_CASE("a worker that dies once costs nothing but time", "[processes][failures]") {
    for (const bool flat : {false, true}) {
        const shared_counters tries;
        const auto dies_once = [&](std::size_t i) {
            if (i == 5 && tries[0]++ == 0) kill(getpid(), SIGKILL);
        };
        portable_job texts({.size = 20}, text_function([&](std::size_t i) { return dies_once(i), text_of_index(i); }));
        portable_job numbers({.size = 20},
                             number_function([&](std::size_t i) { return dies_once(i), std::int64_t(i); }));
        portable_job& job = flat ? numbers : texts;
        processes{}.run(job, 2);
        CHECK(job.each_stored_once());
        CHECK_FALSE(job.failures[5]);
        CHECK(tries[0] == 2);
    }
}

TEST_CASE("a task that kills its workers is tried retries times more, and then fails with evidence",
          "[processes][failures]") {
    const plain_crashes plain;
    for (const int retries : {0, 1, 3}) {
        const shared_counters tries;
        portable_job job({.size = 20}, text_function([&](std::size_t i) {
                             if (i == 5) {
                                 ++tries[0];
                                 raise(SIGSEGV);
                             }
                             return text_of_index(i);
                         }));
        processes{.retries = retries}.run(job, 2);
        CHECK(tries[0] == retries + 1);
        REQUIRE(job.each_stored_once());
        REQUIRE(job.failures[5]);
        CHECK(job.failures[5]->signal == SIGSEGV);
        CHECK(job.failures[5]->attempts == retries + 1);
        CHECK(job.failures[5]->peak_memory > 0);
        CHECK_THAT(job.failures[5]->what, starting_with("killed its worker: SIGSEGV"));
        try {
            std::rethrow_exception(job.failures[5]->exception);
        } catch (const fanout::worker_lost& lost) {
            CHECK_THAT(lost.what(), starting_with("task 5 killed its worker on processes (worker "));
            CHECK_THAT(lost.what(), containing("attempt " + std::to_string(retries + 1) + " of " +
                                               std::to_string(retries + 1) + "): SIGSEGV"));
            CHECK(lost.index() == 5);
            CHECK(lost.signal() == SIGSEGV);
            CHECK_FALSE(lost.why().exception);
        }
    }
}

TEST_CASE("a task is tried again as the first of a fresh worker", "[processes][failures]") {
    const shared_counters tries;
    int run_here = 0;
    portable_job job({.size = 20}, number_function([&](std::size_t i) {
                         const int before = run_here++;
                         if (i == 5 && tries[0]++ == 0) kill(getpid(), SIGKILL);
                         return std::int64_t(before);
                     }));
    processes{}.run(job, 1);
    CHECK(job.numbers[4] == 4);
    CHECK(job.numbers[5] == 0);
    CHECK(job.numbers[6] == 1);
}

TEST_CASE("every task may kill its worker, and each is blamed for itself", "[processes][failures]") {
    portable_job job({.size = 60}, text_function([](std::size_t) -> std::string { _exit(3); }));
    processes{.retries = 1}.run(job, 4);
    REQUIRE(job.each_stored_once());
    for (const auto& each : job.failures) {
        REQUIRE(each);
        CHECK(each->attempts == 2);
    }
}

TEST_CASE("a call inside of a task has workers of its own", "[processes]") {
    portable_job job({.size = 4}, text_function([](std::size_t i) {
                         portable_job inner({.size = 3}, text_function(text_of_index));
                         processes{}.run(inner, 2);
                         return std::to_string(i) + *inner.texts[2];
                     }));
    processes{}.run(job, 2);
    REQUIRE(job.each_stored_once());
    for (std::size_t i = 0; i < 4; ++i) CHECK(job.texts[i] == std::to_string(i) + "task 2");
}

namespace {

std::string deeper(std::size_t depth) {
    portable_job inner({.size = 1}, text_function([depth](std::size_t) { return deeper(depth + 1); }));
    try {
        processes{}.run(inner, 1);
    } catch (const std::runtime_error& e) {
        return std::to_string(depth) + " " + e.what();
    }
    return inner.texts[0] ? *inner.texts[0] : inner.failures[0]->what;
}

}  // namespace

TEST_CASE("calls inside of tasks go ten deep and no deeper", "[processes]") {
    CHECK_THAT(deeper(0), starting_with("10 fanout: a call of processes inside of tasks of processes, ten deep"));
}

TEST_CASE("a worker's share of the CPUs is what cpu_count says in it", "[processes]") {
    portable_job shared({.size = 2}, number_function([](std::size_t) { return std::int64_t(fanout::cpu_count()); }));
    processes{}.run(shared, 1000);
    CHECK(shared.numbers[0] == (fanout::cpu_count() > 1000 ? fanout::cpu_count() / 1000 : 1));
    portable_job given({.size = 2}, number_function([](std::size_t) { return std::int64_t(fanout::cpu_count()); }));
    processes{.inner_threads = 3}.run(given, 2);
    CHECK(given.numbers[0] == 3);
}

#if !FANOUT_TESTS_UNDER_ASAN && \
    !FANOUT_TESTS_UNDER_TSAN  // which reserve more than any limit, and never throw bad_alloc

TEST_CASE("a task that wants more than the memory limit gets std::bad_alloc, and its worker lives on", "[processes]") {
    portable_job job({.size = 10}, text_function([](std::size_t i) {
                         const std::size_t size = i == 4 ? 200u << 20 : 10u << 20;
                         const std::string memory(size, 'x');
                         return std::to_string(memory[size / 2]) + " " + std::to_string(getpid());
                     }));
    processes{.memory_limit = 100u << 20}.run(job, 1);
    REQUIRE(job.each_stored_once());
    REQUIRE(job.failures[4]);
    CHECK(job.failures[4]->type == "std::bad_alloc");
    CHECK(job.texts[3] == job.texts[5]);
}

#endif

TEST_CASE("what was printed before the call is printed once, and what workers print is not lost",
          "[processes][output]") {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    std::fflush(stdout);  // of what the test program itself has printed
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        std::printf("before ");
        portable_job job({.size = 4}, text_function([](std::size_t i) {
                             std::printf("<%d>", static_cast<int>(i));
                             return std::string();
                         }));
        processes{}.run(job, 2);
        std::printf(" after");
        std::fflush(stdout);
        _exit(0);
    }
    close(ends[1]);
    std::string all;
    char part[200];
    while (const ssize_t got = read(ends[0], part, sizeof part)) all.append(part, static_cast<std::size_t>(got));
    close(ends[0]);
    waitpid(child, nullptr, 0);
    CHECK_THAT(all, starting_with("before "));
    CHECK_THAT(all, ending_with(" after"));
    CHECK(all.size() == 7 + 4 * 3 + 6);
    for (const char* each : {"<0>", "<1>", "<2>", "<3>"}) CHECK_THAT(all, containing(each));
}

TEST_CASE("a task that calls exit runs none of the program's exit handlers", "[processes][failures]") {
    static const shared_counters* counters = nullptr;
    const shared_counters counts;
    counters = &counts;
    const pid_t child = fork();
    if (child == 0) {
        std::atexit([] { ++(*counters)[0]; });
        portable_job job({.size = 4}, text_function([](std::size_t i) {
                             if (i == 2) std::exit(0);
                             return text_of_index(i);
                         }));
        processes{.retries = 0}.run(job, 2);
        if (job.failures[2]) ++(*counters)[1];
        std::_Exit(0);
    }
    waitpid(child, nullptr, 0);
    CHECK(counts[0] == 0);
    CHECK(counts[1] == 1);
}

TEST_CASE("a task may fork, and its child may come back out of the task", "[processes][failures]") {
    portable_job job({.size = 20}, text_function([](std::size_t i) {
                         if (i == 3) {
                             if (fork() != 0) wait(nullptr);  // the child returns into the worker's code
                         }
                         return text_of_index(i);
                     }));
    processes{}.run(job, 2);
    REQUIRE(job.each_stored_once());
    for (std::size_t i = 0; i < 20; ++i) CHECK(job.texts[i] == text_of_index(i));
}

TEST_CASE("a task that closes all descriptors costs a worker, and no task", "[processes][failures]") {
    for (int round = 0; round < 20; ++round) {
        portable_job job({.size = 20}, text_function([](std::size_t i) {
                             if (i == 3) closefrom(3);
                             usleep(200);
                             return text_of_index(i);
                         }));
        processes{}.run(job, 2);
        REQUIRE(job.each_stored_once());
        for (std::size_t i = 0; i < 20; ++i) CHECK(job.texts[i] == text_of_index(i));
    }
}

TEST_CASE("a program's own handler for crashes goes on working in its workers, and other handlers do not",
          "[processes]") {
    static const shared_counters* counters = nullptr;
    const shared_counters counts;
    counters = &counts;
    struct sigaction own{}, segv{}, term{};
    own.sa_handler = [](int signal) {
        ++(*counters)[signal];
        if (signal == SIGSEGV) _exit(9);
    };
    sigaction(SIGSEGV, &own, &segv);
    sigaction(SIGTERM, &own, &term);
    portable_job job({.size = 4}, text_function([](std::size_t i) {
                         if (i == 1) raise(SIGSEGV);
                         if (i == 2) raise(SIGTERM);
                         return text_of_index(i);
                     }));
    processes{.retries = 0}.run(job, 2);
    sigaction(SIGSEGV, &segv, nullptr);
    sigaction(SIGTERM, &term, nullptr);
    CHECK(counts[SIGSEGV] == 1);
    CHECK(counts[SIGTERM] == 0);
    REQUIRE(job.failures[1]);
    CHECK_THAT(job.failures[1]->what, containing("exit code 9"));
    REQUIRE(job.failures[2]);
    CHECK(job.failures[2]->signal == SIGTERM);
}

TEST_CASE("nothing is left behind", "[processes]") {
    CHECK_FALSE(has_children());
    CHECK(shared_mappings() == 0);
}
