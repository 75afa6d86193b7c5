// Where the tasks of an input that is read once come from.
#pragma once

#include <cstddef>
#include <exception>
#include <string>

#include "fanout/core/owned.hpp"

namespace fanout::detail {

/// A task with its elements as bytes; they are kept until it is done, in case it has to be tried again.
struct fed_task {
    std::size_t index = 0;
    std::string bytes;
    std::exception_ptr broken;  // the elements could not be written
    owned<fed_task> next;
};

/// Never waits: whoever takes is woken when there is more.
class task_supply {
public:
    /// The next task; null if there is none now. Throws what has ended the supply before the input.
    virtual owned<fed_task> take() = 0;

    /// There is nothing to take, and will not be.
    virtual bool is_exhausted() = 0;

protected:
    ~task_supply() = default;
};

}  // namespace fanout::detail
