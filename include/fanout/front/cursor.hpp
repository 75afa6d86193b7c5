// The place up to which the tasks of a call have been handed out: one shared number is the whole of the scheduling.
#pragma once

#include <atomic>
#include <cstddef>

#include "fanout/core/backend.hpp"
#include "fanout/core/own_line.hpp"

namespace fanout::detail {

class cursor {
public:
    /// Takes the next tasks below `size`: they belong to whoever moved the cursor over them.
    task_range claim(std::size_t most, std::size_t size) noexcept {
        // The look first keeps the number from running on and on. Relaxed: only the number is shared; the elements were
        // there before any worker was told of the call.
        const std::size_t seen = next_.value.load(std::memory_order_relaxed);
        if (seen >= size) return {};
        if (most > size - seen) most = size - seen;
        const std::size_t first = next_.value.fetch_add(most, std::memory_order_relaxed);
        if (first >= size) return {};
        return {first, most < size - first ? first + most : size};
    }

    std::size_t left_of(std::size_t size) const noexcept {
        const std::size_t next = next_.value.load(std::memory_order_relaxed);
        return next < size ? size - next : 0;
    }

private:
    own_line<std::atomic<std::size_t>> next_;
};

}  // namespace fanout::detail
