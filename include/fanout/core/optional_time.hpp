// A time that may be none: how long something may take, how long it will.
#pragma once

#include <optional>
#include <type_traits>

#include "fanout/core/clock.hpp"
#include "fanout/core/misuse.hpp"

namespace fanout {

/// A time, or none. Written with its unit: `10s`, `1.5min`, `std::chrono::milliseconds(20)`; read as an optional is.
/// (A std::optional of a duration would cost everybody who includes fanout 3 ms.)
class optional_time {
public:
    optional_time() = default;
    optional_time(std::nullopt_t) noexcept {}
    template <class Count, class Unit>
    optional_time(std::chrono::duration<Count, Unit> time) : time_(time), is_set_(true) {}
    template <class Number>
        requires std::is_arithmetic_v<Number>
    optional_time(Number) {
        static_assert(detail::never<Number>,
                      "fanout: a time is written with its unit: .timeout = 10s, after using namespace "
                      "std::chrono_literals");
    }

    bool has_value() const noexcept { return is_set_; }
    explicit operator bool() const noexcept { return is_set_; }
    const std::chrono::duration<double>& operator*() const noexcept { return time_; }
    const std::chrono::duration<double>* operator->() const noexcept { return &time_; }

    void reset() noexcept { *this = {}; }

    friend bool operator==(const optional_time&, const optional_time&) = default;

private:
    std::chrono::duration<double> time_{};
    bool is_set_ = false;
};

}  // namespace fanout
