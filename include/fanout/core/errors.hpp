// The exceptions that fanout throws of its own; a task's exception reaches the caller as it was thrown.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

namespace fanout {

/// The call was stopped through `options::stop` before it was done. Its results are gone, also those that were
/// finished.
class cancelled : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
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

}  // namespace fanout
