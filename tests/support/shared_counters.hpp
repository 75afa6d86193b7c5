// Counters in memory that workers and the test share.
#pragma once

#include <sys/mman.h>

#include <atomic>

/// 1,024 of them, all zero in the beginning.
class shared_counters {
public:
    shared_counters()
        : at_(static_cast<std::atomic<int>*>(
              mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
    shared_counters(const shared_counters&) = delete;
    shared_counters& operator=(const shared_counters&) = delete;
    ~shared_counters() { munmap(at_, size); }

    std::atomic<int>& operator[](int i) const { return at_[i]; }

private:
    static constexpr std::size_t size = 4096;
    std::atomic<int>* at_;
};
