// How many tasks run at the same time, and how many did at most.
#pragma once

#include <atomic>

class in_flight {
public:
    class guard {
    public:
        explicit guard(in_flight& counts) : counts_(counts) {
            const int now = ++counts_.now_;
            for (int most = counts_.most_; now > most && !counts_.most_.compare_exchange_weak(most, now);) {
            }
        }
        guard(const guard&) = delete;
        guard& operator=(const guard&) = delete;
        ~guard() { --counts_.now_; }

    private:
        in_flight& counts_;
    };

    int now() const { return now_; }
    int most() const { return most_; }

private:
    std::atomic<int> now_ = 0;
    std::atomic<int> most_ = 0;
};
