// The tasks of a job as bytes, for backends that run them in other processes.
#pragma once

#include <cstddef>

#include "fanout/core/bytes.hpp"
#include "fanout/core/failure.hpp"

namespace fanout {

class remote_tasks;

/// What a job offers to a backend whose workers are forked from the calling process, inside its `run`: a worker has the
/// function and the input as they were, and gives back outcomes. Not thread-safe, but for what says so. In the calling
/// process reading from a source may wait; until it is done nothing else of this is called.
class portable_tasks {
public:
    portable_tasks(const portable_tasks&) = delete;
    portable_tasks& operator=(const portable_tasks&) = delete;

    /// Where a task runs, and what is there for it.
    struct site {
        std::size_t index = 0;            ///< the task's position in the input
        int worker = 0;                   ///< which of the n_jobs workers runs it
        byte_source* elements = nullptr;  ///< what `write_elements` wrote; null: the elements are reached by the index
        void* place = nullptr;            ///< where a flat result goes; null: it is written

        /// Called when the task has returned, before anything is done with its result. Does not return if this is not
        /// the worker any more, but a process that the task has forked.
        void (*task_returned)() noexcept = []() noexcept {};
    };

    /// Tasks are numbered in the order in which they are to be handed out; this is the position in the input of the one
    /// that is called `task` in all the other functions, but for failures, which say their position. Any thread.
    virtual std::size_t index_of(std::size_t task) const noexcept { return task; }

    /// The size of a result that can be handed over as it lies in memory; 0 if results have to be written.
    virtual std::size_t flat_result_size() const noexcept = 0;

    /// In a worker: runs one task, and puts its result in its place or writes it to `result`. Throws what the task
    /// throws, and what goes wrong when the result is written, which may then be there in part.
    virtual void run_task(const site& at, byte_sink& result) = 0;

    /// In a worker, while an exception of `run_task` is being handled: writes that exception.
    virtual void write_exception(byte_sink& to) noexcept(false) = 0;

    /// In the calling process: the elements of a task that has been claimed from an input that is read only once. Any
    /// thread, one at a time. They are held until the task has been stored.
    virtual void write_elements(std::size_t index, byte_sink& to) = 0;

    /// In the calling process, once for each task that succeeded: takes the result. Throws when the bytes make no
    /// sense; then the task has not been stored.
    virtual void store_written(std::size_t index, byte_source& result) = 0;

    /// The same for the flat results of tasks [first, first + count), which lie one behind the other.
    virtual void store_flat(std::size_t first, std::size_t count, const void* results) noexcept = 0;

    /// In the calling process, once for a task that threw: `known` is everything but type, text and exception, which
    /// are read; a text that it has already says what a std::bad_alloc is due to. Throws when the bytes make no sense;
    /// then the task has not been stored.
    virtual void store_exception(failure known, byte_source& exception) = 0;

    /// In the calling process: throws an exception that `write_exception` has written and that belongs to no task.
    [[noreturn]] virtual void rethrow(byte_source& exception) = 0;

    /// In the calling process, once for a task that failed for a reason from outside: its worker was lost, its time was
    /// up. `why` is complete, with the exception to be thrown. Never with two threads at a time.
    virtual void store_failure(failure why) noexcept = 0;

    /// Whether failures are collected, so that none need say how to keep the other results.
    virtual bool collects_failures() const noexcept { return false; }

    /// What has to be sent so that the tasks can be run by processes that were not forked from this one; null if that
    /// was not asked for when the job was made.
    virtual remote_tasks* remote() noexcept { return nullptr; }

protected:
    portable_tasks() = default;
    ~portable_tasks() = default;
};

}  // namespace fanout
