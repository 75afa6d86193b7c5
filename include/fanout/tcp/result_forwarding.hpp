// Results on their way from a slot's ring to the coordinator, as they are.
#pragma once

#include <cstddef>
#include <cstring>
#include <string>
#include <utility>

#include "fanout/core/exchanged.hpp"
#include "fanout/processes/ring.hpp"
#include "fanout/tcp/connection.hpp"
#include "fanout/tcp/frames.hpp"
#include "fanout/tcp/spare_payloads.hpp"

namespace fanout::detail {

/// For `more` bytes behind the first `filled`. What is not short gets the room of a whole frame at once.
inline void make_room(std::string& payload, std::size_t filled, std::size_t more) {
    if (payload.size() - filled >= more) return;
    if (filled + more < 4096) return payload.resize(filled + more);
    std::string longer = spare_payloads::here().take();
    std::memcpy(longer.data(), payload.data(), filled);
    payload.swap(longer);
}

/// As the bytes come out of the ring. If they break off, the coordinator is told to forget them. `is_urgent()`:
/// somebody may be waiting for it.
template <class Urgent>
void forward_result(connection& wire, ring_reader& ring, std::size_t index, std::string beginning,
                    const Urgent& is_urgent) {
    frame part{frame_type::result, false, false, false, index, std::move(beginning)};
    std::size_t filled = part.payload.size();
    bool begun = false;
    try {
        while (!ring.is_at_end()) {
            if (filled == frame::longest) {
                begun = true;
                wire.send_when_there_is_room(exchanged(part, {frame_type::result, false, false, true, index}));
                filled = 0;
            }
            const std::size_t room = frame::longest - filled;
            const std::size_t size = ring.ready() < room ? ring.ready() : room;
            make_room(part.payload, filled, size);
            ring.read(part.payload.data() + filled, size);
            filled += size;
        }
    } catch (...) {
        if (begun) wire.send({frame_type::result, true, true, true, index});
        throw;
    }
    part.payload.resize(filled);
    part.last = true;
    wire.send_when_there_is_room(std::move(part), is_urgent() ? haste::at_once : haste::by_driver);
}

}  // namespace fanout::detail
