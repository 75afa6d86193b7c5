// Shared values on their way to workers: each goes to each worker once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fanout/core/string_sink.hpp"
#include "fanout/tcp/function_key.hpp"
#include "fanout/tcp/messages.hpp"
#include "fanout/tcp/run_inbox.hpp"
#include "fanout/tcp/shared.hpp"

namespace fanout::detail {

/// Sends the shared values of one run. Their bytes, which may be many, are made once for all workers that are sent them
/// at about the same time, and kept until the last of these has them.
class shared_delivery {
public:
    /// Sends those of the values that the worker does not have, and has it forget those that are gone here. Gives how
    /// many bytes that takes.
    std::size_t deliver(peer& to, const std::vector<std::uint64_t>& needed) {
        std::size_t bytes = 0;
        std::deque<std::uint64_t> kept;
        for (const std::uint64_t each : to.has_shared) {
            if (shared_values::find(each))
                kept.push_back(each);
            else
                to.wire->send(frame_type::blob, each, packed_before_bytes(shared_message()));
        }
        to.has_shared.swap(kept);
        for (const std::uint64_t each : needed) {
            const shared_values::held* const held = shared_values::find(each);
            const bool is_there = std::find(to.has_shared.begin(), to.has_shared.end(), each) != to.has_shared.end();
            if (is_there || !held) continue;
            std::shared_ptr<const std::string> value = bytes_of(each, *held);
            bytes += value->size();
            std::string head = packed_before_bytes({place_of_code(held->code->address()), value->size()});
            to.wire->send({.type = frame_type::blob, .stream = each, .payload = std::move(head)}, haste::by_driver,
                          std::move(value));
            to.has_shared.push_back(each);
        }
        return bytes;
    }

private:
    std::shared_ptr<const std::string> bytes_of(std::uint64_t number, const shared_values::held& of) {
        std::weak_ptr<const std::string>& on_the_way = on_the_way_[number];
        if (auto bytes = on_the_way.lock()) return bytes;
        std::string text;
        string_sink sink(text);
        of.write(of.value, sink);
        auto bytes = std::make_shared<const std::string>(std::move(text));
        on_the_way = bytes;
        return bytes;
    }

    std::map<std::uint64_t, std::weak_ptr<const std::string>> on_the_way_;
};

}  // namespace fanout::detail
