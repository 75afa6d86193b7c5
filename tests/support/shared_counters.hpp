// Counters in memory that this process shares with the children that it forks.
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <cstddef>

/// 1,024 of them, all zero in the beginning.
class shared_counters {
public:
    shared_counters()
        : all_(static_cast<std::atomic<int>*>(
              mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
    shared_counters(const shared_counters&) = delete;
    shared_counters& operator=(const shared_counters&) = delete;
    ~shared_counters() { munmap(all_, size); }

    std::atomic<int>& operator[](int i) const { return all_[i]; }

    void raise_to(int i, int value) const {
        for (int seen = all_[i]; value > seen && !all_[i].compare_exchange_weak(seen, value);) {
        }
    }

private:
    static constexpr std::size_t size = 4096;
    std::atomic<int>* all_;
};
