// Hundreds of calls, good ones and bad ones, quietly and in a storm of signals: descriptors, mappings and children are
// as before.
#include <fanout/processes/processes.hpp>

#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>

#include "catch.hpp"
#include "support/killer.hpp"
#include "support/leaks.hpp"
#include "support/long_tests.hpp"
#include "support/run_on_processes.hpp"
#include "support/sanitizers.hpp"

namespace {

std::string text_of(std::size_t i) { return std::string(i % 7 * 1000, static_cast<char>('a' + i % 26)); }

/// One call of some kind, and whether it went as it should.
bool call(int round) {
    const fanout::processes backend{.retries = 1};
    const int n_jobs = 1 + round % 4;
    constexpr std::size_t size = 20;
    const auto numbers = [&](portable_job::how how, const portable_job::number_function& f) {
        how.size = size;
        portable_job job(how, f);
        backend.run(job, n_jobs);
        return how.fail_fast ? bool(job.failures[3]) : job.each_stored_once();
    };
    switch (round % 7) {
        case 0:
            return numbers({}, [](std::size_t i) { return std::int64_t(i); });
        case 1:
            return numbers({.fail_fast = true}, [](std::size_t i) {
                if (i == 3) throw std::domain_error("three");
                return std::int64_t(i);
            });
        case 2:
            return numbers({}, [](std::size_t i) {
                if (i == 3) _exit(1);
                return std::int64_t(i);
            });
        case 3: {
            portable_job job({.size = size}, portable_job::text_function(text_of));
            backend.run(job, n_jobs);
            for (std::size_t i = 0; i < size; ++i)
                if (job.texts[i] != text_of(i)) return false;
            return job.each_stored_once();
        }
        case 4: {
            portable_job job(
                {}, [](std::size_t i) { return i < size ? std::optional(text_of(i)) : std::nullopt; },
                [](const std::string& element) { return element; });
            backend.run(job, n_jobs);
            return job.texts.size() == size && job.each_stored_once();
        }
        case 5: {
            portable_job job({.size = size}, portable_job::text_function(text_of));
            try {
                fanout::processes{.initializer = [] { throw 1; }}.run(job, n_jobs);
            } catch (const std::runtime_error&) {
                return true;
            }
            return false;
        }
        default: {
            portable_job job({.size = size}, portable_job::text_function([](std::size_t) -> std::string {
                                 for (;;) pause();
                             }));
            job.cancel();
            backend.run(job, n_jobs);
            return job.times_stored() == 0;
        }
    }
}

[[maybe_unused]] void call_many_times(int times) {
    // Each kind of call with each number of workers, several times: by then the heap has what it needs.
    for (int round = 0; round < 56; ++round) REQUIRE(call(round));
    const int descriptors = open_descriptors();
    [[maybe_unused]] const std::size_t resident = resident_bytes();
    for (int round = 0; round < times; ++round) {
        CAPTURE(round);
        REQUIRE(call(round));
        REQUIRE_FALSE(has_children());
    }
    CHECK(open_descriptors() == descriptors);
    CHECK(shared_mappings() == 0);
#if !FANOUT_TESTS_UNDER_ASAN  // which keeps what has been freed
    CHECK(resident_bytes() < resident + (std::size_t(1) << 20));
#endif
}

/// 2,000 signals a second, whose handler is not one that restarts system calls.
class signal_storm {
public:
    signal_storm() {
        struct sigaction count{};
        count.sa_handler = [](int) { signals = signals + 1; };
        sigaction(SIGALRM, &count, &before_);
        const itimerval often{{0, 500}, {0, 500}};
        setitimer(ITIMER_REAL, &often, nullptr);
    }
    ~signal_storm() {
        const itimerval never{};
        setitimer(ITIMER_REAL, &never, nullptr);
        sigaction(SIGALRM, &before_, nullptr);
    }
    static inline volatile int signals = 0;

private:
    struct sigaction before_{};
};

}  // namespace

#if !FANOUT_TESTS_UNDER_TSAN

TEST_CASE("a thousand calls leave nothing behind", "[chaos]") {
    call_many_times(FANOUT_TESTS_UNDER_ASAN ? 70 : rounds(350, 1'000));
}

TEST_CASE("a storm of signals disturbs nothing", "[chaos]") {
    {
        const signal_storm storm;
        call_many_times(FANOUT_TESTS_UNDER_ASAN ? 70 : rounds(350, 1'000));
    }
    CHECK(signal_storm::signals > 10);
}

TEST_CASE("workers that are killed in a storm of signals lose nothing", "[chaos]") {
    const signal_storm storm;
    for (unsigned round = 0; round < 5; ++round) {
        const killer attacker(round, 2'000);
        portable_job job({.size = 300}, portable_job::text_function([](std::size_t i) {
                             usleep(300);
                             return text_of(i);
                         }));
        fanout::detail::process_settings settings;
        settings.workers = 3;
        settings.retries = 1'000;
        settings.most_barren_deaths = 1'000;  // they may be killed before they come to a task
        run_on_processes(job, settings);
        REQUIRE(job.each_stored_once());
        for (std::size_t i = 0; i < 300; ++i) REQUIRE(job.texts[i] == text_of(i));
    }
}

#endif
