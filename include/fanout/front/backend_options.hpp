// What stands behind the question mark in a backend's name: "processes?retries=0&memory_limit=2G".
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "fanout/core/clock.hpp"
#include "fanout/core/concat.hpp"
#include "fanout/core/deferred.hpp"
#include "fanout/core/misuse.hpp"

namespace fanout {

/// `String` is std::string; a parameter, so that only who uses it compiles it.
template <class String>
class basic_backend_options {
public:
    /// `where` begins the text of what is thrown: `backend("threads?spin=5")`.
    basic_backend_options(String where, std::string_view text) : where_(std::move(where)) {
        while (!text.empty()) {
            const std::size_t end = text.find('&');
            const std::string_view entry = text.substr(0, end);
            text = end == text.npos ? std::string_view() : text.substr(end + 1);
            const std::size_t equals = entry.find('=');
            if (equals == entry.npos || equals == 0)
                fail(entry, "has no value; write name=value, with & between several");
            given_.push_back({String(entry.substr(0, equals)), String(entry.substr(equals + 1))});
        }
    }

    /// Sets `to` if an option of this name was given, the last time if it was given several times. Takes whole numbers,
    /// sizes in bytes (`2G`, in powers of 1024, for std::size_t), durations with their unit (`100us`) and text. Throws
    /// `std::invalid_argument` that says what to write.
    template <class T>
    void read(const char* name, T& to) {
        known_.push_back(name);
        for (given& each : given_) {
            if (each.name != name) continue;
            each.was_read = true;
            to = value_of<T>(each);
        }
    }

    /// Throws `std::invalid_argument` if anything was given that was not read, and lists what was.
    void expect_all_read() const {
        for (const given& each : given_) {
            if (each.was_read) continue;
            String known;
            for (const char* name : known_) known += detail::concat({known.empty() ? "; there are: " : ", ", name});
            fail(each.name,
                 known.empty() ? "is not known; this backend has no options" : detail::concat({"is not known", known}));
        }
    }

private:
    struct given {
        String name;
        String value;
        bool was_read = false;
    };

    [[noreturn]] void fail(std::string_view option, std::string_view why) const {
        throw std::invalid_argument(detail::concat({"fanout: ", where_, ": the option ", option, " ", why}));
    }

    [[noreturn]] void expected(const given& option, std::string_view what, std::string_view example) const {
        fail(detail::concat({option.name, "=", option.value}),
             detail::concat({"is not ", what, ", as in ", option.name, "=", example}));
    }

    /// A number of 0 or more, and what follows it.
    struct measure {
        long long number;  // -1: there is none that makes sense
        std::string_view unit;
    };
    static measure measure_of(const String& text) {
        if (text.empty() || text[0] < '0' || text[0] > '9') return {-1, {}};
        char* end = nullptr;
        errno = 0;
        const long long number = std::strtoll(text.c_str(), &end, 10);
        return {errno == 0 ? number : -1, end};
    }

    template <class T>
    struct within {
        using type = T;
    };
    template <class T>
    struct within<std::optional<T>> {
        using type = T;
    };

    template <class Declared>
    auto value_of(const given& option) const {
        using T = typename within<Declared>::type;
        if constexpr (std::is_same_v<T, String>) {
            return option.value;
        } else if constexpr (std::is_same_v<T, std::size_t>) {
            return bytes(option);
        } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
            const bool negative = option.value.starts_with('-');
            const measure found = measure_of(negative ? option.value.substr(1) : option.value);
            if (found.number < 0 || !found.unit.empty() || !std::in_range<T>(negative ? -found.number : found.number))
                expected(option, "a whole number", "2");
            return static_cast<T>(negative ? -found.number : found.number);
        } else {
            return duration<T>(option);
        }
    }

    std::size_t bytes(const given& option) const {
        const measure found = measure_of(option.value);
        constexpr std::string_view units[] = {"", "K", "M", "G", "T"};
        int shift = 0;
        for (const std::string_view unit : units) {
            if (unit == found.unit) break;
            shift += 10;
        }
        if (found.number < 0 || shift == 50 || found.number > std::numeric_limits<long long>::max() >> shift)
            expected(option, "a number of bytes", "500M (K, M, G and T are powers of 1024)");
        return static_cast<std::size_t>(found.number) << shift;
    }

    template <class Duration>
    Duration duration(const given& option) const {
        const measure found = measure_of(option.value);
        const long long longest = 1'000'000'000;  // of whatever unit: more would overflow when units are converted
        if (found.number >= 0 && found.number <= longest) {
            if (found.unit == "us") return std::chrono::microseconds(found.number);
            if (found.unit == "ms") return std::chrono::milliseconds(found.number);
            if (found.unit == "s") return std::chrono::seconds(found.number);
        }
        expected(option, "a time with its unit", "100us (or ms, or s)");
    }

    String where_;
    std::vector<given> given_;
    detail::deferred<std::vector<const char*>, String> known_;
};

using backend_options = basic_backend_options<std::string>;

}  // namespace fanout
