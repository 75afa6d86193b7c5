// The exceptions that fanout throws of its own; a task's exception reaches the caller as it was thrown.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>

#include "fanout/core/co_owned.hpp"
#include "fanout/core/failure.hpp"

namespace fanout {

/// The call was stopped through `options::stop` before it was done. Its results are gone, also those that were
/// finished.
class cancelled : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// The call was not done within `options::deadline`. Its results are gone, as of any call that was stopped.
class deadline_exceeded : public cancelled {
public:
    using cancelled::cancelled;
};

/// A task ran for longer than `options::timeout`. The clock starts when the task does, not when it is waiting its turn.
class task_timeout : public std::runtime_error {
public:
    task_timeout(std::size_t index, const std::string& text) : std::runtime_error(text), index_(index) {}

    /// The position of the task in the input.
    std::size_t index() const noexcept { return index_; }

private:
    std::size_t index_;
};

/// The process that ran a task was lost, as often as the task was tried: it crashed, was killed, or ended itself.
class worker_lost : public std::runtime_error {
public:
    explicit worker_lost(failure why) : worker_lost(why, why.what) {}
    worker_lost(failure why, const std::string& text)
        : std::runtime_error(text), why_(new detail::with_owners<failure>(std::move(why))) {}

    worker_lost(const worker_lost&) noexcept = default;  // and no moving, which would leave one that knows nothing
    worker_lost& operator=(const worker_lost&) noexcept = default;

    /// Everything that is known of it; its own `exception` is empty.
    const failure& why() const noexcept { return why_->value; }

    /// The position of the task in the input.
    std::size_t index() const noexcept { return why_->value.index; }

    /// The signal that killed the worker; 0 if it ended itself.
    int signal() const noexcept { return why_->value.signal; }

private:
    detail::co_owned<const detail::with_owners<failure>> why_;  // to copy an exception must not throw
};

/// A function, or a value, cannot be sent to another process: it holds a pointer or a reference, which would mean
/// nothing there.
class serialization_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// No worker could be kept running: none could be started, or one after the other died with nothing done.
class pool_broken : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

}  // namespace fanout
