// Workers are killed at random moments, thousands of them: nothing is lost, doubled or wrong, and nothing hangs.
#include <fanout/processes/processes.hpp>

#include <cstdint>
#include <optional>
#include <random>
#include <string>

#include "catch.hpp"
#include "support/killer.hpp"
#include "support/leaks.hpp"
#include "support/long_tests.hpp"
#include "support/run_on_processes.hpp"
#include "support/sanitizers.hpp"

namespace {

std::string text_of(std::size_t i, unsigned seed) {
    std::mt19937 random(seed + static_cast<unsigned>(i));
    const std::size_t size = random() % 50 == 0 ? random() % 500'000 : random() % 3'000;
    std::string text(size, static_cast<char>('a' + i % 26));
    text += std::to_string(i);
    return text;
}

std::int64_t number_of(std::size_t i) { return static_cast<std::int64_t>(i * i + 7); }

[[maybe_unused]] fanout::detail::process_settings settings_of(std::mt19937& random) {
    fanout::detail::process_settings settings;
    constexpr int n_jobs[] = {1, 2, 5, 13};
    settings.workers = n_jobs[random() % 4];
    settings.ring_size = std::size_t(1) << (16 + random() % 5);
    settings.retries = 1'000'000;
    settings.most_barren_deaths = 1'000'000;
    if (random() % 4 == 0) settings.max_tasks = static_cast<int>(1 + random() % 40);
    return settings;
}

/// Whoever is killed is not at a fault, so that everything has to come out right.
[[maybe_unused]] bool all_is_right(const portable_job& job, unsigned seed, bool numbers, std::size_t size) {
    if (!job.each_stored_once() || job.stored.size() != size) return false;
    for (std::size_t i = 0; i < size; ++i) {
        if (job.failures[i]) return false;
        if (numbers ? job.numbers[i] != number_of(i) : job.texts[i] != text_of(i, seed)) return false;
    }
    return true;
}

}  // namespace

#if !FANOUT_TESTS_UNDER_TSAN  // it takes seconds to kill

TEST_CASE("nothing is lost, doubled or wrong when workers are killed at random", "[chaos]") {
    const int descriptors = open_descriptors();
    const int wanted = FANOUT_TESTS_UNDER_ASAN ? 200 : rounds(1'000, 10'000);
    int kills = 0;
    for (unsigned seed = 1; kills < wanted; ++seed) {
        CAPTURE(seed, kills);
        std::mt19937 random(seed);
        const killer attacker(seed, 2'500);
        const auto settings = settings_of(random);
        const std::size_t size = 300 + random() % 700;
        const auto batch = random() % 3 == 0 ? std::optional<std::size_t>(1 + random() % 20) : std::nullopt;
        const auto kind = static_cast<int>(random() % 3);
        CAPTURE(kind, settings.workers, settings.ring_size);
        const auto busy = [](std::size_t i) { usleep(static_cast<useconds_t>(i % 300)); };
        if (kind == 0) {
            portable_job job({.size = size, .batch = batch}, portable_job::text_function([&](std::size_t i) {
                                 busy(i);
                                 return text_of(i, seed);
                             }));
            run_on_processes(job, settings);
            REQUIRE(all_is_right(job, seed, false, size));
        } else if (kind == 1) {
            portable_job job({.size = size, .batch = batch}, portable_job::number_function([&](std::size_t i) {
                                 busy(i);
                                 return number_of(i);
                             }));
            run_on_processes(job, settings);
            REQUIRE(all_is_right(job, seed, true, size));
        } else {
            portable_job job(
                {}, [&](std::size_t i) { return i < size ? std::optional(text_of(i, seed)) : std::nullopt; },
                [&](const std::string& element) {
                    busy(element.size());
                    return element;
                });
            run_on_processes(job, settings);
            REQUIRE(all_is_right(job, seed, false, size));
        }
        kills += attacker.kills();
    }
    CHECK_FALSE(has_children());
    CHECK(open_descriptors() == descriptors);
}

#endif
