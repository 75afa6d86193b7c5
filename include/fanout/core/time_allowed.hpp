// How long something may take, if there is a limit at all.
#pragma once

#include <optional>
#include <type_traits>

#include "fanout/core/clock.hpp"
#include "fanout/core/misuse.hpp"

namespace fanout {

/// A time, written with its unit: `10s`, `1.5min`, `std::chrono::milliseconds(20)`. Made of nothing: no limit. Reads as
/// an optional does.
class time_allowed {
public:
    time_allowed() = default;
    time_allowed(std::nullopt_t) noexcept {}
    template <class Count, class Unit>
    time_allowed(std::chrono::duration<Count, Unit> time) : time_(time), is_set_(true) {}
    template <class Number>
        requires std::is_arithmetic_v<Number>
    time_allowed(Number) {
        static_assert(detail::never<Number>,
                      "fanout: a time is written with its unit: .timeout = 10s, after using namespace "
                      "std::chrono_literals");
    }

    bool has_value() const noexcept { return is_set_; }
    explicit operator bool() const noexcept { return is_set_; }
    const std::chrono::duration<double>& operator*() const noexcept { return time_; }
    const std::chrono::duration<double>* operator->() const noexcept { return &time_; }

    friend bool operator==(const time_allowed&, const time_allowed&) = default;

private:
    std::chrono::duration<double> time_{};
    bool is_set_ = false;
};

}  // namespace fanout
