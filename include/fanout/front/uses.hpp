// Notices, in builds with assertions, a `parallel` object that is destroyed while somebody is still calling it.
#pragma once

#include <atomic>
#include <cassert>

namespace fanout::detail {

class use_count {
public:
    use_count() = default;
    use_count(use_count&& moved) noexcept { moved.expect_unused(); }
    use_count& operator=(use_count&& moved) noexcept {
        expect_unused();
        moved.expect_unused();
        return *this;
    }
    ~use_count() { expect_unused(); }

    class guard {
    public:
        explicit guard(use_count& uses) noexcept : uses_(uses) { uses_.count_.fetch_add(1, std::memory_order_relaxed); }
        guard(const guard&) = delete;
        guard& operator=(const guard&) = delete;
        ~guard() { uses_.count_.fetch_sub(1, std::memory_order_relaxed); }

    private:
        use_count& uses_;
    };

private:
    void expect_unused() const noexcept {
        assert(count_.load(std::memory_order_relaxed) == 0 &&
               "fanout: a parallel object was moved or destroyed while another thread still calls it");
    }

    std::atomic<int> count_ = 0;
};

}  // namespace fanout::detail
