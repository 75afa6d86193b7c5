// What coordinator and worker tell each other in frames.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "fanout/serialize/memory.hpp"
#include "fanout/tcp/frames.hpp"
#include "fanout/tcp/modules.hpp"

namespace fanout::detail {

struct hello_message {
    std::string host;
    std::int64_t pid = 0;
    std::string program;   // its path
    std::string identity;  // its build
    std::int32_t slots = 1;
    std::uint64_t places = 0;          // of its code, see callable_code; 0: not said
    bool has_named_functions = false;  // so that it can be of use to another build
};

struct welcome_message {
    std::uint64_t worker = 0;
    std::int32_t first_slot = 0;  // of those of all workers
};

struct reject_message {
    std::int32_t exit_code = 78;
    std::string why;
};

struct run_message {
    std::uint64_t run = 0;
    code_place code;
    std::string name;                   // of a registered function, which is meant instead of the code
    std::string function;               // what the code needs for all tasks
    std::vector<std::uint64_t> shared;  // values that it refers to, which have been sent
    std::int32_t n_jobs = 1;
    std::int64_t time_limit = 0;  // of one task, in nanoseconds; 0: none
    std::int32_t retries = 2;
    std::uint64_t memory_limit = 0;  // of a slot, in bytes; 0: none
    bool collects_failures = false;
    bool wants_times = false;
};

struct run_end_message {
    std::uint64_t run = 0;
};

struct run_failed_message {
    std::uint64_t run = 0;
    bool cannot_be_sent = false;  // it would fail on every worker
    std::string why;
};

struct shared_message {
    code_place code;         // that reads it; none: the value is gone, and is to be forgotten
    std::uint64_t size = 0;  // of its bytes, which follow
};

/// A task failed for a reason from outside.
struct failed_message {
    std::uint64_t run = 0;
    std::uint64_t index = 0;
    bool overdue = false;
    std::string type;
    std::string what;
    std::string text;  // of the exception
    std::int32_t signal = 0;
    std::int32_t attempts = 1;
    std::int32_t slot = 0;
    std::int64_t pid = 0;
    std::uint64_t peak_memory = 0;
};

/// A chunk of several tasks has killed its slot: this one of them was running.
struct returned_message {
    std::uint64_t run = 0;
    std::uint64_t first = 0;
    std::uint64_t culprit = 0;
};

/// A chunk that has not been begun.
struct revoked_message {
    std::uint64_t run = 0;
    std::uint64_t first = 0;
};

/// What a task has printed: whole lines, if they are not very long.
struct output_message {
    std::int64_t pid = 0;
    bool is_error = false;  // on its standard error
    std::string text;
};

/// One attempt at one task. Nanoseconds of the worker's steady clock.
struct times_message {
    std::uint64_t run = 0;
    std::uint64_t task = 0;
    std::int32_t slot = 0;
    std::int64_t pid = 0;
    std::int64_t began = 0;
    std::int64_t returned = 0;
    std::int64_t handed_over = 0;
    std::int32_t attempt = 1;
    bool lost = false;
    std::int64_t sent = 0;  // this message
};

struct drain_message {
    std::string why;
};

/// In front of the tasks of a chunk. One task is its bytes; of several each has its length in front of it.
struct chunk_header {
    std::uint64_t run = 0;
    std::uint64_t first = 0;
    std::uint32_t count = 1;
    std::int32_t attempts = 0;  // that have been made elsewhere

    bool operator==(const chunk_header&) const = default;
};

/// In front of what has come of a chunk.
struct result_header {
    enum class what : std::uint32_t {
        value,
        exception,
        several,
        refused  // the slot cannot make the function: why, as a text
    };

    std::uint64_t run = 0;
    std::uint64_t first = 0;
    what kind = what::value;
    std::uint32_t slot = 0;
    std::int64_t pid = 0;
    std::int32_t attempts = 1;
    std::uint32_t padding = 0;
};

template <class T>
std::string packed(const T& message) {
    memory_sink sink;
    writer to(sink);
    to(message);
    return {reinterpret_cast<const char*>(sink.data()), sink.size()};
}

/// Throws `decode_error`.
template <class T>
T unpacked(const std::string& bytes) {
    memory_source source(bytes.data(), bytes.size());
    return value_from<T>(source);
}

/// In a worker, behind the header of a chunk on its way to a slot: the function, if the slot was not forked with it.
struct function_header {
    std::uintptr_t make = 0;  // the address of its code, which is the same in a forked slot; 0: it has it
    std::uint64_t size = 0;   // bytes that follow
};

/// Numbers as they lie in memory: all sides are one build of the program, on machines of one kind.
template <class T>
void append_raw(std::string& to, const T& value) {
    to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// False if there are not as many bytes. `at` goes on behind it.
template <class T>
bool take_raw(const std::string& from, std::size_t& at, T& value) {
    if (from.size() < at || from.size() - at < sizeof value) return false;
    std::memcpy(&value, from.data() + at, sizeof value);
    at += sizeof value;
    return true;
}

/// What its bytes are sent behind: they are long, and are not copied for it.
inline std::string packed_before_bytes(const shared_message& what) {
    const std::string head = packed(what);
    std::string all;
    append_raw(all, static_cast<std::uint32_t>(head.size()));
    return all.append(head);
}

/// `at` goes on where the bytes begin. Throws `decode_error`.
inline shared_message unpacked_before_bytes(const std::string& message, std::size_t& at) {
    std::uint32_t size = 0;
    if (!take_raw(message, at, size) || message.size() - at < size) throw_too_short(sizeof size + size, message.size());
    at += size;
    return unpacked<shared_message>(message.substr(at - size, size));
}

}  // namespace fanout::detail
