// What the parent knows of the tasks of an input that is reached by index: which are done, which failed, which are
// left.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "fanout/core/backend.hpp"
#include "fanout/core/portable_tasks.hpp"
#include "fanout/processes/claims.hpp"
#include "fanout/processes/shared_state.hpp"

namespace fanout::detail {

/// A template only so that who runs nothing on processes does not compile it; `Tasks` is portable_tasks.
template <class Tasks>
class task_table {
public:
    task_table(const shared_state& shared, Tasks& tasks) : shared_(shared), tasks_(tasks), claims_(shared.tasks()) {}

    bool any_free() const noexcept { return claims_.any_free(); }
    bool all_done() const noexcept { return claims_.all_done(); }

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
        failed_.push_back(task);
        for (std::size_t i = failed_.size() - 1; i > 0 && failed_[i - 1] > failed_[i]; --i)
            std::swap(failed_[i - 1], failed_[i]);
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
        const std::size_t at = failed_before(task);
        return at < failed_.size() && failed_[at] == task;
    }

    /// How many of lower number have failed.
    std::size_t failed_before(std::size_t task) const noexcept {
        std::size_t first = 0, last = failed_.size();
        while (first < last) {
            const std::size_t middle = first + (last - first) / 2;
            failed_[middle] < task ? first = middle + 1 : last = middle;
        }
        return first;
    }

    /// A chunk is left at its beginning, or where messages of it have come.
    static std::size_t first_left_of(task_range chunk, std::size_t next) noexcept {
        return next > chunk.first && next <= chunk.last ? next : chunk.first;
    }

    const shared_state& shared_;
    Tasks& tasks_;
    claims claims_;
    std::vector<std::size_t> failed_;  // in their order, in which most of them come, but for what workers are ahead
};

}  // namespace fanout::detail
