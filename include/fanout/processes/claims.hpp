// Which worker has which tasks: one shared number to hand them out, and one small number per task that says whose it
// is.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "fanout/core/backend.hpp"
#include "fanout/processes/fault_point.hpp"

namespace fanout::detail {

/// Tasks are claimed in chunks, nearly always of one. The owner of a chunk *is* the claim: a worker that is killed at
/// any instruction leaves something that the others, or the parent, can repair. If that was before it could put its
/// name there, the chunk is found free by whoever looks for what is left; if it was after, the parent finds the name.
class claims {
public:
    using owner = std::uint16_t;
    static constexpr owner free = 0;
    static constexpr owner done = 0xfffe;  // two different bytes: nobody writes it who fills memory with one
    static constexpr int most_workers = done - 1;

    /// The name that a worker puts there.
    static constexpr owner name_of(int worker) noexcept { return static_cast<owner>(worker + 1); }

    /// How many tasks to a chunk, so that the owners take 10 MB at most.
    static std::size_t chunk_for(std::size_t tasks, std::optional<std::size_t> wanted) noexcept {
        constexpr std::size_t most_chunks = 5'000'000;
        const std::size_t least = tasks / most_chunks + (tasks % most_chunks != 0);
        const std::size_t chunk = wanted && *wanted > least ? (*wanted < tasks ? *wanted : tasks) : least;
        return chunk > 0 ? chunk : 1;  // no tasks are known of an input that is read once
    }
    static std::size_t chunks_of(std::size_t tasks, std::size_t chunk) noexcept {
        return tasks / chunk + (tasks % chunk != 0);
    }

    claims() = default;
    /// A view of shared memory: `next` and as many owners as there are chunks, all zero in the beginning.
    claims(std::atomic<std::uint64_t>& next, std::atomic<owner>* owners, std::size_t tasks, std::size_t chunk) noexcept
        : next_(&next), owners_(owners), tasks_(tasks), chunk_(chunk), chunks_(chunks_of(tasks, chunk)) {}

    std::size_t tasks() const noexcept { return tasks_; }
    std::size_t chunks() const noexcept { return chunks_; }
    std::size_t chunk_of(std::size_t task) const noexcept { return task / chunk_; }
    task_range tasks_of(std::size_t chunk) const noexcept {
        const std::size_t first = chunk * chunk_;
        return {first, tasks_ - first < chunk_ ? tasks_ : first + chunk_};
    }

    /// In a worker: a chunk that is its own from now on; nothing if there is none left. `swept` is the worker's own
    /// note, 0 in the beginning, of how far it has looked for chunks that a dying worker left behind: it looks once,
    /// after everything has been handed out, and what it passes has an owner for good.
    std::optional<std::size_t> claim(owner me, std::size_t& swept) noexcept {
        // Relaxed: only the number is shared; what tasks need was there before the fork.
        while (next_->load(std::memory_order_relaxed) < chunks_) {
            const std::uint64_t chunk = next_->fetch_add(1, std::memory_order_relaxed);
            FANOUT_FAULT_POINT(after_next);
            if (chunk < chunks_ && try_own(static_cast<std::size_t>(chunk), me)) return chunk;
        }
        for (; swept < chunks_; ++swept)
            if (owner_of(swept) == free && try_own(swept, me)) return swept;
        return std::nullopt;
    }

    owner owner_of(std::size_t chunk) const noexcept {
        return owners_[chunk].load(std::memory_order_acquire);  // pairs with the store in finish
    }

    /// All tasks of the chunk are done, and what came of them is where it belongs.
    void finish(std::size_t chunk) noexcept { owners_[chunk].store(done, std::memory_order_release); }

    /// In the parent: a chunk of this owner. After its messages have been read a dead worker has one at most.
    std::optional<std::size_t> chunk_owned_by(owner who) const noexcept {
        for (std::size_t chunk = 0; chunk < chunks_; ++chunk)
            if (owner_of(chunk) == who) return chunk;
        return std::nullopt;
    }

    /// In the parent: whether there is anything that nobody has claimed.
    bool any_free() const noexcept { return next_->load(std::memory_order_relaxed) < chunks_ || chunk_owned_by(free); }

    /// In the parent, when nobody works any more.
    bool all_done() const noexcept {
        for (std::size_t chunk = 0; chunk < chunks_; ++chunk)
            if (owner_of(chunk) != done) return false;
        return true;
    }

private:
    bool try_own(std::size_t chunk, owner me) noexcept {
        owner expected = free;
        return owners_[chunk].compare_exchange_strong(expected, me, std::memory_order_relaxed);
    }

    std::atomic<std::uint64_t>* next_ = nullptr;
    std::atomic<owner>* owners_ = nullptr;
    std::size_t tasks_ = 0;
    std::size_t chunk_ = 1;
    std::size_t chunks_ = 0;
};

}  // namespace fanout::detail
