// Durations and the steady clock. <thread> has declared both already for its own waits; <chrono> would add calendars
// and time zones, which cost everybody who includes fanout a sixth of a second.
#pragma once

#include <cstdint>
#include <cstdio>
#include <ratio>
#include <string>
#include <thread>

namespace fanout::detail {

using clock = std::chrono::steady_clock;
static_assert(clock::period::num == 1 && clock::period::den == 1'000'000'000, "the steady clock counts nanoseconds");

/// Without what a conversion between units costs.
constexpr clock::duration microseconds(std::int64_t count) { return clock::duration(count * 1000); }
constexpr clock::duration seconds(std::int64_t count) { return microseconds(count * 1'000'000); }

/// As messages say it: "1.5 s", "0.25 s", "1.00004 s".
inline std::string in_seconds(std::chrono::duration<double> time) {
    char text[32];
    std::snprintf(text, sizeof text, time.count() < 1e6 ? "%.6g s" : "%.0f s", time.count());
    return text;
}

/// Nanoseconds and their fractions, for what is averaged and divided. Its operators are no templates: those of
/// std::chrono, and the dozens that are looked at with them, everybody who includes fanout would pay for.
class nanoseconds {
public:
    constexpr nanoseconds() noexcept = default;
    constexpr explicit nanoseconds(double count) noexcept : count_(count) {}
    constexpr nanoseconds(clock::duration time) noexcept : count_(static_cast<double>(time.count())) {}

    constexpr double count() const noexcept { return count_; }

    friend constexpr nanoseconds operator+(nanoseconds a, nanoseconds b) noexcept {
        return nanoseconds(a.count_ + b.count_);
    }
    friend constexpr nanoseconds operator-(nanoseconds a, nanoseconds b) noexcept {
        return nanoseconds(a.count_ - b.count_);
    }
    friend constexpr nanoseconds operator*(nanoseconds a, double b) noexcept { return nanoseconds(a.count_ * b); }
    friend constexpr nanoseconds operator/(nanoseconds a, double b) noexcept { return nanoseconds(a.count_ / b); }
    friend constexpr double operator/(nanoseconds a, nanoseconds b) noexcept { return a.count_ / b.count_; }
    friend constexpr bool operator<(nanoseconds a, nanoseconds b) noexcept { return a.count_ < b.count_; }
    friend constexpr bool operator>(nanoseconds a, nanoseconds b) noexcept { return b < a; }

private:
    double count_ = 0;
};

}  // namespace fanout::detail
