// What the parent of the workers tells whoever watches the call.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fanout/core/backend.hpp"
#include "fanout/core/clock.hpp"
#include "fanout/core/portable_tasks.hpp"
#include "fanout/core/run_observer.hpp"
#include "fanout/processes/crew.hpp"
#include "fanout/processes/seat.hpp"
#include "fanout/processes/shared_state.hpp"

namespace fanout::detail {

/// One per call. Does nothing if nobody watches. A template, so that only who uses processes compiles it.
template <class Reader>
class journal {
public:
    journal(Reader* reader, const portable_tasks& tasks, const crew& workers) noexcept
        : reader_(reader), tasks_(tasks), crew_(workers) {}

    void note_exception() noexcept { ++thrown_; }
    void note_retry() noexcept { ++status_.retried; }

    /// The worker has died in this task.
    void note_lost(const seat& at, std::size_t task, long pid, int attempt) noexcept {
        const clocked_task* const its = clock_of(at.worker, task);
        if (!its || its->pid != pid || its->returned != 0) return;
        task_times times = times_of(*its, task);
        times.returned = times.handed_over = clock::now();
        times.attempt = attempt;
        times.lost = true;
        reader_->task_took(times);
    }

    /// The outcome of a task of an input that is read once has come.
    void note_come(const seat& from, std::size_t task) noexcept {
        if (const clocked_task* const its = clock_of(from.worker, task)) reader_->task_took(times_of(*its, task));
    }

    /// The worker is dead, and its seat is about to be cleared.
    void note_end_of(const seat& at) noexcept {
        if (!reader_) return;
        run_by_the_dead_ += tasks_run_at(at);
        status_.bytes_received += static_cast<std::size_t>(at.mail.position());
        if (is_fed()) status_.bytes_sent += static_cast<std::size_t>(crew_.shared().inbox(at.worker).ends->tail.load());
    }

    /// Nobody works any more.
    void close() noexcept {
        if (!reader_) return;
        for (const seat& each : crew_.seats()) note_end_of(each);
        const shared_state& shared = crew_.shared();
        if (run_by_the_dead_ > thrown_) status_.bytes_received += (run_by_the_dead_ - thrown_) * shared.flat_size();
        reader_->has_ended(status_);
        if (is_fed()) return;
        for (std::size_t task = 0; task < shared.tasks().tasks(); ++task)
            if (const clocked_task* const its = shared.clock_of(0, task); its && its->returned != 0)
                reader_->task_took(times_of(*its, task));
    }

    /// How long the reader can wait for the next news.
    clock::duration tell() noexcept {
        if (!reader_) return seconds(3600);
        if (crew_.shared().has_flat_results()) {  // which are stored at the end, but for what was thrown
            std::size_t run = run_by_the_dead_;
            for (const seat& each : crew_.seats()) run += tasks_run_at(each);
            status_.run_not_stored = run > thrown_ ? run - thrown_ : 0;
        }
        return reader_->look(status_);
    }

private:
    bool is_fed() const noexcept { return crew_.is_fed(); }

    std::size_t tasks_run_at(const seat& at) const noexcept {
        return static_cast<std::size_t>(crew_.slot_of(at).tasks.load(std::memory_order_relaxed));
    }

    /// What the worker has noted of the task; null if it has not, or was not to.
    const clocked_task* clock_of(int worker, std::size_t task) const noexcept {
        if (!reader_) return nullptr;
        const std::size_t places = is_fed() ? shared_state::clocks_per_worker : 1;
        for (std::size_t i = 0; i < places; ++i) {
            const clocked_task* const its = crew_.shared().clock_of(worker, is_fed() ? i : task);
            if (its && its->began != 0 && its->task == task) return its;
        }
        return nullptr;
    }

    task_times times_of(const clocked_task& its, std::size_t task) const noexcept {
        const auto at = [](std::int64_t time) { return clock::time_point(clock::duration(time)); };
        task_times times;
        times.index = tasks_.index_of(task);
        times.worker = its.worker;
        times.pid = its.pid;
        times.began = at(its.began);
        times.returned = at(its.returned);
        times.handed_over = at(its.handed_over);
        return times;
    }

    Reader* const reader_;
    const portable_tasks& tasks_;
    const crew& crew_;
    std::size_t run_by_the_dead_ = 0;
    std::size_t thrown_ = 0;  // so many exceptions have come
    run_status status_;
};

}  // namespace fanout::detail
