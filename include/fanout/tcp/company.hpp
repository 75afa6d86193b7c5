// Short tasks that travel together: how a slot runs such a chunk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "fanout/core/bytes.hpp"
#include "fanout/core/portable_tasks.hpp"
#include "fanout/serialize/exceptions.hpp"
#include "fanout/serialize/memory.hpp"
#include "fanout/tcp/messages.hpp"
#include "fanout/tcp/remote_function.hpp"

namespace fanout::detail {

/// Instead of a further task: one has thrown, and with that the call ends.
inline constexpr std::uint8_t company_ends = 2;

/// Reads the tasks, each with its length (32 bits) in front of it. Writes what comes of each, with a byte in front that
/// says whether it is an exception, and its length (64 bits). `begins` is told the number of each before it runs.
/// `all`: also those behind one that throws.
template <class Begins>
void run_company(const remote_function& function, const chunk_header& chunk, bool all, const portable_tasks::site& at,
                 byte_sink& to, const Begins& begins) {
    std::string task;
    memory_sink result;
    for (std::size_t i = 0; i < chunk.count; ++i) {
        begins(chunk.first + i);
        std::uint32_t length = 0;
        at.elements->read(&length, sizeof length);
        task.resize(length);
        at.elements->read(task.data(), length);
        memory_source elements(task.data(), task.size());
        std::uint8_t is_exception = 0;
        result.clear();
        try {
            function.run(elements, result, at.task_returned);
        } catch (...) {
            at.task_returned();
            is_exception = 1;
            result.clear();
            write_current_exception(result);
        }
        const std::uint64_t size = result.size();
        to.write(&is_exception, 1);
        to.write(&size, sizeof size);
        to.write(result.data(), result.size());
        if (is_exception && !all && i + 1 < chunk.count) return to.write(&company_ends, 1);
    }
}

}  // namespace fanout::detail
