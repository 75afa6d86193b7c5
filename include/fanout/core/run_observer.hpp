// Who watches a call from beside it, and what a backend tells him that he cannot see for himself.
#pragma once

#include <cstddef>

#include "fanout/core/clock.hpp"
#include "fanout/core/failure.hpp"

namespace fanout {

/// One attempt at one task, as the process that ran it saw it.
struct task_times {
    std::size_t index = 0;                 ///< the task's position in the input
    int worker = 0;                        ///< from n_jobs on: one that came later, of which only `task_took` may tell
    long pid = 0;                          ///< the worker process; 0 on threads
    const char* host = "";                 ///< the machine that it ran on, if that may be another one
    detail::clock::time_point began{};     ///< the steady clock is one for all processes of a machine
    detail::clock::time_point returned{};  ///< the function had come back, or had thrown
    detail::clock::time_point handed_over{};  ///< and the result had been written
    int attempt = 1;
    bool lost = false;  ///< the worker died in it, and `returned` is when that was noticed
};

/// How a backend stands whose tasks run elsewhere, besides what has been stored in the job.
struct run_status {
    std::size_t run_not_stored = 0;  ///< tasks that are done, and whose results have not come yet
    std::size_t retried = 0;         ///< how often a task was begun again because its worker had died
    std::size_t bytes_received = 0;  ///< from the workers; counted when they end
    std::size_t bytes_sent = 0;      ///< to them
    int workers = 0;                 ///< how many tasks can run at once now; 0: always n_jobs
};

/// A call that is not watched has none. What is called in the calling thread only says so; the rest any thread may.
class run_observer {
public:
    run_observer(const run_observer&) = delete;
    run_observer& operator=(const run_observer&) = delete;

    /// Whether it wants `task_took`.
    virtual bool wants_times() const noexcept = 0;

    /// In the calling thread. Whenever that has nothing else to do; it is to call again when something has happened,
    /// and before so much time is over. May run functions of the user's.
    virtual detail::clock::duration look(const run_status& now) noexcept = 0;

    /// In the calling thread.
    virtual void task_took(const task_times& times) noexcept = 0;

    /// In the calling thread, once, when nothing runs any more.
    virtual void has_ended(const run_status& at_last) noexcept = 0;

    /// While the exception of the task is being handled, by the worker that ran it.
    virtual void task_failed(std::size_t index, int worker) noexcept = 0;

    /// A task that ran elsewhere.
    virtual void task_failed(const failure& why) noexcept = 0;

protected:
    run_observer() = default;
    ~run_observer() = default;
};

}  // namespace fanout
