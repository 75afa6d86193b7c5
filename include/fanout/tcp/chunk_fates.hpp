// Who gets a chunk: the slot that is about to begin it, or the coordinator, who wants it back.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "fanout/processes/system.hpp"

namespace fanout::detail {

enum class fate : std::uint32_t { waiting, begun, given_back, passed };

/// In memory that a worker shares with its slots. A change from one fate to another is made by one of them only, so
/// that a chunk is begun or given back, and never both. Sequentially consistent, as there is nothing else to order by.
class chunk_fates {
public:
    /// So many chunks at a time; for more there is a place that says of all of them that they have been begun.
    explicit chunk_fates(std::size_t most)
        : pages_(whole_pages((most + 1) * sizeof(std::atomic<fate>))), is_taken_(most + 1) {
        if (!pages_) return;
        is_taken_[0] = true;
        at(0).store(fate::begun);
    }

    bool are_there() const noexcept { return static_cast<bool>(pages_); }

    // For the worker, one thread at a time.

    std::uint32_t take() noexcept {
        for (std::uint32_t place = 1; place < is_taken_.size(); ++place) {
            if (is_taken_[place]) continue;
            is_taken_[place] = true;
            at(place).store(fate::waiting);
            return place;
        }
        return 0;
    }
    void release(std::uint32_t place) noexcept {
        if (place != 0) is_taken_[place] = false;
    }

    // For everybody.

    fate of(std::uint32_t place) const noexcept { return at(place).load(); }

    bool change(std::uint32_t place, fate from, fate to) const noexcept {
        return at(place).compare_exchange_strong(from, to);
    }

private:
    std::atomic<fate>& at(std::uint32_t place) const noexcept {
        return static_cast<std::atomic<fate>*>(static_cast<void*>(pages_.data()))[place];
    }

    shared_pages pages_;
    std::vector<bool> is_taken_;
};

}  // namespace fanout::detail
