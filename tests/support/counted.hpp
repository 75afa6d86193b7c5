// A value that counts how many of its kind are alive, so that a leak or a double destruction shows.
#pragma once

#include <atomic>

/// Move-only. `alive` is back to zero when each that was made has been destroyed once.
struct counted {
    static inline std::atomic<int> alive = 0;

    explicit counted(int v) : value(v) { ++alive; }
    counted(counted&& moved) noexcept : value(moved.value) {
        moved.value = -1;
        ++alive;
    }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    counted& operator=(counted&&) = delete;
    ~counted() { --alive; }

    int value;
};
