// What the parent knows of the tasks of an input that is reached by index: which are done, which failed, which are
// left.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "fanout/core/backend.hpp"
#include "fanout/core/portable_tasks.hpp"
#include "fanout/processes/claims.hpp"
#include "fanout/processes/shared_state.hpp"

namespace fanout::detail {

class task_table {
public:
    task_table(const shared_state& shared, portable_tasks& tasks)
        : shared_(shared), tasks_(tasks), claims_(shared.tasks()) {}

    bool any_free() const noexcept { return claims_.any_free(); }

    /// Whether a message about this task makes sense from that worker, of which `expected` is due next.
    bool may_come_from(std::size_t task, int worker, std::size_t expected) const noexcept {
        if (task >= claims_.tasks() || has_failed(task)) return false;
        const std::size_t chunk = claims_.chunk_of(task);
        const auto owner = claims_.owner_of(chunk);
        // Only exceptions are written where results are flat; then the worker itself finishes its chunks.
        if (shared_.has_flat_results()) return owner == claims::name_of(worker) || owner == claims::done;
        return owner == claims::name_of(worker) && task == first_left_of(claims_.tasks_of(chunk), expected);
    }

    void note_failed(std::size_t task) {
        if (failed_.empty()) failed_.resize(claims_.tasks() / 8 + 1, '\0');
        failed_[task / 8] = static_cast<char>(static_cast<unsigned char>(failed_[task / 8]) | 1u << task % 8);
    }

    /// A message about this task has been stored.
    void note_written(std::size_t task) noexcept {
        if (!shared_.has_flat_results() && task + 1 == claims_.tasks_of(claims_.chunk_of(task)).last)
            finish_chunk_of(task);
    }

    void finish_chunk_of(std::size_t task) noexcept { claims_.finish(claims_.chunk_of(task)); }

    /// What a dead worker, whose messages have been read, has left of its chunk. `expected` is the task whose message
    /// was due next, `next` the task that it says it was at, or was to begin.
    task_range unfinished_of(int worker, std::size_t expected, std::size_t next) noexcept {
        const auto chunk = claims_.chunk_owned_by(claims::name_of(worker));
        if (!chunk) return {};
        task_range left = claims_.tasks_of(*chunk);
        left.first = first_left_of(left, shared_.has_flat_results() && next > 0 ? next : expected);
        while (left && has_failed(left.first)) ++left.first;
        if (!left) claims_.finish(*chunk);
        return left;
    }

    /// Stores them run by run. Nobody writes any more.
    void store_flat_results() {
        if (!shared_.has_flat_results()) return;
        std::size_t first = 0;
        const auto store_until = [&](std::size_t end) {
            if (first < end) tasks_.store_flat(first, end - first, shared_.flat_result(first));
            first = end + 1;
        };
        for (std::size_t chunk = 0; chunk < claims_.chunks(); ++chunk) {
            const task_range tasks = claims_.tasks_of(chunk);
            const bool done = claims_.owner_of(chunk) == claims::done;
            if (done && failed_.empty()) continue;
            for (std::size_t i = tasks.first; i < tasks.last; ++i)
                if (!done || has_failed(i)) store_until(i);
        }
        store_until(claims_.tasks());
    }

private:
    bool has_failed(std::size_t task) const noexcept {
        return !failed_.empty() && (static_cast<unsigned char>(failed_[task / 8]) >> task % 8 & 1) != 0;
    }

    /// A chunk is left at its beginning, or where messages of it have come.
    static std::size_t first_left_of(task_range chunk, std::size_t next) noexcept {
        return next > chunk.first && next <= chunk.last ? next : chunk.first;
    }

    const shared_state& shared_;
    portable_tasks& tasks_;
    claims claims_;
    std::string failed_;  // a bit for each task, as soon as one has failed
};

}  // namespace fanout::detail
