// Bytes that are written become a string.
#pragma once

#include <cstddef>
#include <string>

#include "fanout/core/bytes.hpp"

namespace fanout::detail {

/// Appends what is written to `to`.
class string_sink final : public byte_sink {
public:
    explicit string_sink(std::string& to) : to_(to) {}

private:
    void overflow(const std::byte* data, std::size_t size) override {
        to_.append(static_cast<const char*>(static_cast<const void*>(data)), size);
    }

    std::string& to_;
};

}  // namespace fanout::detail
