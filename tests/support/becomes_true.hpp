// Waits for what other threads or processes bring about.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

/// False if it has not come true after 40 s, which is long enough for a loaded machine.
inline bool becomes_true(const std::function<bool()>& condition) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(40);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > until) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}
