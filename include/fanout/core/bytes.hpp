// Bytes on their way between processes: what values are written to and read from, whoever carries them.
#pragma once

#include <cstddef>
#include <cstring>

namespace fanout {

/// Where a value's bytes go. Behind it is a window of the carrier's own memory (a ring, a socket's buffer), so that
/// most writes are one copy and no call. One thread at a time.
class byte_sink {
public:
    byte_sink(const byte_sink&) = delete;
    byte_sink& operator=(const byte_sink&) = delete;

    /// Appends `size` bytes. May wait for room; throws when the bytes cannot be carried.
    void write(const void* data, std::size_t size) {
        if (size > static_cast<std::size_t>(end_ - next_)) return overflow(static_cast<const std::byte*>(data), size);
        if (size > 0) std::memcpy(next_, data, size);
        next_ += size;
    }

protected:
    byte_sink() = default;
    ~byte_sink() = default;

    /// Takes these bytes, for which the window has no room, and opens a new window.
    virtual void overflow(const std::byte* data, std::size_t size) = 0;

    std::byte* next_ = nullptr;
    std::byte* end_ = nullptr;
};

/// Where a value's bytes come from. One thread at a time.
class byte_source {
public:
    byte_source(const byte_source&) = delete;
    byte_source& operator=(const byte_source&) = delete;

    /// The next `size` bytes. May wait for them; throws when the message ends before, or breaks off.
    void read(void* to, std::size_t size) {
        if (size > static_cast<std::size_t>(end_ - next_)) return underflow(static_cast<std::byte*>(to), size);
        if (size > 0) std::memcpy(to, next_, size);
        next_ += size;
    }

    /// So many bytes are still to come, at most: a length that asks for more is wrong.
    virtual std::size_t left() const noexcept = 0;

    /// How much memory may be set aside for bytes that are only announced. Bytes from our own forked child can be
    /// believed; those that came over a network, or from a file, only as far as they are already here, and a bit more.
    virtual std::size_t believable() const noexcept = 0;

protected:
    byte_source() = default;
    ~byte_source() = default;

    /// Gives bytes that are not all in the window, and opens a new window.
    virtual void underflow(std::byte* to, std::size_t size) = 0;

    /// For that: gives those that are in the window, and says how many.
    std::size_t take_here(std::byte* to, std::size_t size) noexcept {
        const auto here = static_cast<std::size_t>(end_ - next_);
        const std::size_t part = size < here ? size : here;
        if (part > 0) std::memcpy(to, next_, part);
        next_ += part;
        return part;
    }

    const std::byte* next_ = nullptr;
    const std::byte* end_ = nullptr;
};

}  // namespace fanout
