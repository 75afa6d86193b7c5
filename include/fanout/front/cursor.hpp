// The place up to which the tasks of a call have been handed out: one shared number is the whole of the scheduling.
#pragma once

#include <atomic>
#include <cstddef>

#include "fanout/core/backend.hpp"

namespace fanout::detail {

class cursor {
public:
    /// Takes the next tasks below `size`: they belong to whoever moved the cursor over them.
    task_range claim(std::size_t most, std::size_t size) noexcept {
        if (most > size) most = size;
        // The look first keeps the number from running on and on. Relaxed: only the number is shared; the elements were
        // there before any worker was told of the call.
        if (next_.load(std::memory_order_relaxed) >= size) return {};
        const std::size_t first = next_.fetch_add(most, std::memory_order_relaxed);
        if (first >= size) return {};
        return {first, most < size - first ? first + most : size};
    }

private:
    alignas(64) std::atomic<std::size_t> next_ = 0;  // on a line of its own: every worker writes it
};

}  // namespace fanout::detail
