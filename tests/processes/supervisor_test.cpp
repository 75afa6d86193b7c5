// Tests of supervisor.hpp: what the parent makes of its workers, with settings that users cannot change.
#include <fanout/processes/supervisor.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "catch.hpp"
#include "support/leaks.hpp"
#include "support/matchers.hpp"
#include "support/run_on_processes.hpp"
#include "support/shared_counters.hpp"

using fanout::detail::process_settings;

namespace {

std::string text_of(std::size_t i, std::size_t size) { return std::string(size + i, static_cast<char>('a' + i % 26)); }

}  // namespace

TEST_CASE("a worker that waits for its parent to read is not overdue", "[supervisor][failures]") {
    constexpr double limit = 0.5;
    constexpr std::size_t size = 8;
    process_settings settings;
    settings.workers = static_cast<int>(size);
    settings.ring_size = 1 << 16;
    const shared_counters begun;
    portable_job job({.size = size, .timeout = limit}, portable_job::text_function([&](std::size_t i) {
                         ++begun[0];
                         return text_of(i, i == 0 ? 10 : std::size_t(1) << 18);
                     }));
    job.read_first = [&](std::size_t i, fanout::byte_source&) {
        if (i != 0) return;
        while (begun[0] < static_cast<int>(size)) usleep(1'000);
        usleep(static_cast<useconds_t>(limit * 2e6));  // the time itself is what is tested
    };
    run_on_processes(job, settings);
    REQUIRE(job.each_stored_once());
    for (std::size_t i = 0; i < size; ++i) {
        CAPTURE(i);
        REQUIRE_FALSE(job.failures[i]);
        CHECK(job.texts[i] == text_of(i, i == 0 ? 10 : std::size_t(1) << 18));
    }
}

TEST_CASE("a worker that waits for the rest of its elements is not overdue", "[supervisor][failures]") {
    constexpr double limit = 0.5;
    process_settings settings;
    settings.workers = 2;
    settings.ring_size = 1 << 16;
    const shared_counters ended;
    const std::string elements[] = {"short", std::string(std::size_t(1) << 22, 'x')};
    portable_job job(
        {.timeout = limit},
        [&](std::size_t i) {
            if (i < 2) return std::optional(elements[i]);
            ++ended[0];  // the long one has been read, and is on its way
            return std::optional<std::string>();
        },
        [&](const std::string& text) {
            while (ended[0] == 0) usleep(1'000);
            usleep(2'000);
            return text;
        });
    job.read_first = [&](std::size_t i, fanout::byte_source&) {
        if (i == 0) usleep(static_cast<useconds_t>(limit * 2e6));  // nobody sends the rest meanwhile
    };
    run_on_processes(job, settings);
    REQUIRE(job.each_stored_once());
    for (std::size_t i = 0; i < 2; ++i) {
        REQUIRE_FALSE(job.failures[i]);
        CHECK((job.texts[i] == elements[i]));
    }
}

TEST_CASE("a task that goes on after it has waited for its parent has its whole time, and no more",
          "[supervisor][failures]") {
    process_settings settings;
    settings.workers = 2;
    settings.ring_size = 1 << 16;
    const shared_counters begun;
    portable_job job({.size = 2, .timeout = 0.4}, portable_job::text_function([&](std::size_t i) {
                         ++begun[0];
                         return text_of(i, 10);
                     }));
    job.write_first = [](std::size_t i, fanout::byte_sink& to) {
        if (i != 1) return;
        write_text(to, std::string(std::size_t(1) << 18, 'x'));
        for (;;) pause();
    };
    job.read_first = [&](std::size_t i, fanout::byte_source& from) {
        if (i == 1) read_text(from);
        while (begun[0] < 2) usleep(1'000);
    };
    run_on_processes(job, settings);
    REQUIRE(job.each_stored_once());
    CHECK_FALSE(job.failures[0]);
    REQUIRE(job.failures[1]);
    CHECK(job.failures[1]->type == "fanout::task_timeout");
}

TEST_CASE("workers that die one after the other with nothing done break the pool", "[supervisor][failures]") {
    process_settings settings;
    settings.workers = 2;
    settings.most_barren_deaths = 3;
    const shared_counters started;
    const fanout::worker_initializer dies([&] {
        ++started[0];
        _exit(7);
    });
    settings.initializer = &dies;
    portable_job job({.size = 5}, portable_job::text_function([](std::size_t i) { return text_of(i, 1); }));
    CHECK_THROWS_WITH(run_on_processes(job, settings),
                      starting_with("fanout: 4 workers in a row died without having been at a task") &&
                          containing("it ended by itself with exit code 7"));
    CHECK(started[0] >= 4);
    CHECK(job.times_stored() == 0);
    CHECK_FALSE(has_children());
}

TEST_CASE("results that gather while others are read lose nothing, in the smallest of rings", "[supervisor]") {
    process_settings settings;
    settings.workers = 3;
    settings.ring_size = 1024;
    settings.linger = std::chrono::microseconds(0);
    portable_job job({.size = 300}, portable_job::text_function([](std::size_t i) { return text_of(i, i % 50 * 60); }));
    run_on_processes(job, settings);
    REQUIRE(job.each_stored_once());
    for (std::size_t i = 0; i < 300; ++i) REQUIRE(job.texts[i] == text_of(i, i % 50 * 60));
}
