// Shared values on their way to workers: each goes to each worker once.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

#include "fanout/serialize/memory.hpp"
#include "fanout/tcp/function_key.hpp"
#include "fanout/tcp/messages.hpp"
#include "fanout/tcp/run_inbox.hpp"
#include "fanout/tcp/shared.hpp"

namespace fanout::detail {

/// Sends those of the values that the worker does not have, and has it forget those that are gone here. Gives
/// how many bytes that takes.
inline std::size_t deliver_shared_values(peer& to, const std::vector<std::uint64_t>& needed) {
    std::size_t bytes = 0;
    std::deque<std::uint64_t> kept;
    for (const std::uint64_t each : to.has_shared) {
        if (shared_values::find(each))
            kept.push_back(each);
        else
            to.wire->send(frame_type::blob, each, packed(shared_message()));
    }
    to.has_shared.swap(kept);
    for (const std::uint64_t each : needed) {
        const shared_values::held* const held = shared_values::find(each);
        const bool is_there = std::find(to.has_shared.begin(), to.has_shared.end(), each) != to.has_shared.end();
        if (is_there || !held || !held->write) continue;
        memory_sink value;
        held->write(held->value, value);
        shared_message message;
        message.code = place_of_code(held->code->address());
        message.value.assign(reinterpret_cast<const char*>(value.data()), value.size());
        bytes += message.value.size();
        to.wire->send(frame_type::blob, each, packed(message));
        to.has_shared.push_back(each);
    }
    return bytes;
}

}  // namespace fanout::detail
