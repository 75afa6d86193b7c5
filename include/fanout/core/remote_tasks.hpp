// The tasks of a job for processes that were not forked: what has to be sent so that they can be run there.
#pragma once

#include <cstddef>
#include <string>

#include "fanout/core/bytes.hpp"

namespace fanout {

/// What a job offers besides, to a backend whose workers are other processes of the same program. Any thread, one at a
/// time.
class remote_tasks {
public:
    remote_tasks(const remote_tasks&) = delete;
    remote_tasks& operator=(const remote_tasks&) = delete;

    /// The code that runs a task over there: an address in this program, or in a library that it has loaded.
    virtual const void* code() const noexcept = 0;

    /// What the function is called by all builds of the program; empty: it has no name. If it has one it is called by
    /// it, and its code does not matter. Asked before anything is written.
    virtual std::string name() { return {}; }

    /// What that code needs for all tasks: captures and the like. Throws `serialization_error`.
    virtual void write_function(byte_sink& to) = 0;

    /// What it needs for one task. Elements of an input that is read only once are held until the task has been stored.
    virtual void write_task(std::size_t index, byte_sink& to) = 0;

protected:
    remote_tasks() = default;
    ~remote_tasks() = default;
};

}  // namespace fanout
