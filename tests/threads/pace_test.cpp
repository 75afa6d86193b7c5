// Tests of pace.hpp: how many tasks are taken at a time.
#include <fanout/threads/pace.hpp>

#include <chrono>
#include <cstddef>
#include <optional>

#include "catch.hpp"

using fanout::detail::nanoseconds, fanout::detail::pace;
using namespace std::chrono_literals;

namespace {

/// A job of which so much is left.
class rest_of_job final : public fanout::job {
public:
    explicit rest_of_job(std::size_t left) : job(left, std::nullopt), left_(left) {}
    fanout::task_range claim(std::size_t) noexcept override { return {}; }
    void when_stopping(void (*)(void*), void*) noexcept override {}
    void run(fanout::task_range, int) noexcept override {}
    std::size_t unclaimed() const noexcept override { return left_; }

private:
    std::size_t left_;
};

constexpr std::size_t a_lot = 1'000'000'000;
const rest_of_job plenty(a_lot);

/// What a worker takes when its tasks have taken `each` for a while.
std::size_t settled(fanout::detail::clock::duration time, std::size_t left, std::size_t workers) {
    const nanoseconds each = time;
    pace own = pace::by_time(1, each);
    std::size_t taken = 0;
    for (int chunk = 0; chunk < 100; ++chunk) {
        taken = own.next(rest_of_job(left), workers);
        own.took(taken, each * static_cast<double>(taken));
    }
    return taken;
}

}  // namespace

TEST_CASE("a fixed pace stays the same and asks for no clock", "[pace]") {
    pace fixed = pace::fixed(7);
    CHECK_FALSE(fixed.measures());
    CHECK(fixed.next(plenty, 2) == 7);
    CHECK(fixed.next(rest_of_job(1), 2) == 7);
}

TEST_CASE("chunks are sized by the time that tasks take", "[pace]") {
    CHECK(pace::by_time(1, nanoseconds(1us)).measures());
    const std::size_t of_quick = settled(10ns, a_lot, 2);
    const std::size_t of_slow = settled(1us, a_lot, 2);
    CHECK(of_quick * 10ns >= 5us);  // long enough to make the cost of a claim small
    CHECK(of_quick * 10ns <= 100us);
    CHECK(of_slow * 1us >= 5us);
    CHECK(of_slow * 1us <= 100us);
    CHECK(settled(1ms, a_lot, 2) == 1);
    CHECK(settled(1h, a_lot, 2) == 1);
}

TEST_CASE("tasks that take no measurable time are taken in large chunks, and still end", "[pace]") {
    const std::size_t taken = settled(0ns, a_lot, 2);
    CHECK(taken > 1000);
    CHECK(taken <= a_lot);
}

TEST_CASE("a few quick tasks do not make for a huge chunk at once", "[pace]") {
    pace own = pace::by_time(1, nanoseconds(0ns));
    std::size_t last = 1;
    for (int chunk = 0; chunk < 5; ++chunk) {
        const std::size_t taken = own.next(plenty, 2);
        CHECK(taken >= last);
        CHECK(taken <= 16 * last);
        last = taken;
    }
}

TEST_CASE("a task that turns out slow makes for small chunks at once", "[pace]") {
    pace own = pace::by_time(1000, nanoseconds(10ns));
    const std::size_t taken = own.next(plenty, 2);
    CHECK(taken > 1);
    own.took(taken, nanoseconds(1ms) * static_cast<double>(taken));
    CHECK(own.next(plenty, 2) == 1);
}

TEST_CASE("near the end chunks are so small that every worker gets one", "[pace]") {
    CHECK(settled(5us, 12, 2) <= 12 / 2);
    CHECK(settled(1ms, 3, 2) == 1);
    CHECK(settled(1ms, 0, 2) == 1);  // there is always something to claim, so that the end is noticed
}
