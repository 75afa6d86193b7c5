// Tests of feeder.hpp: elements are read ahead a little, by a thread of its own.
#include <fanout/processes/feeder.hpp>

#include <poll.h>

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>

#include "catch.hpp"
#include "support/portable_job.hpp"

using namespace fanout::detail;

TEST_CASE("a feeder reads everything, in order, and rings for each", "[feeder]") {
    portable_job job(
        {}, [](std::size_t i) { return i < 50 ? std::optional(std::to_string(i)) : std::nullopt; },
        [](const std::string& s) { return s; });
    const bell parent;
    feeder reads(job, *job.portable(), parent, 3);
    reads.start();
    for (std::size_t i = 0; i < 50;) {
        const auto next = reads.take();
        if (!next) {
            pollfd rung{parent.number(), POLLIN, 0};
            REQUIRE(poll(&rung, 1, 10'000) == 1);
            parent.silence();
            continue;
        }
        CHECK(next->index == i++);
        CHECK(next->bytes.size() > 8);
    }
    while (!reads.is_exhausted()) {
        pollfd rung{parent.number(), POLLIN, 0};
        REQUIRE(poll(&rung, 1, 10'000) == 1);
        parent.silence();
    }
    CHECK_FALSE(reads.take());
}

TEST_CASE("a feeder that nobody takes from can be destroyed", "[feeder]") {
    portable_job job(
        {}, [](std::size_t i) { return std::optional(std::to_string(i)); }, [](const std::string& s) { return s; });
    const bell parent;
    feeder reads(job, *job.portable(), parent, 3);
    reads.start();
}

TEST_CASE("elements that cannot be written are an exception of that task", "[feeder]") {
    portable_job job(
        {}, [](std::size_t i) { return i < 3 ? std::optional(std::to_string(i)) : std::nullopt; },
        [](const std::string& s) { return s; });
    job.write_elements_first = [](std::size_t i) {
        if (i == 1) throw std::domain_error("not this one");
    };
    const bell parent;
    feeder reads(job, *job.portable(), parent, 3);
    reads.start();
    for (std::size_t taken = 0; taken < 3;) {
        const auto next = reads.take();
        if (!next) continue;
        CHECK(bool(next->broken) == (next->index == 1));
        ++taken;
    }
}
