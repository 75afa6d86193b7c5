// Bytes in memory: a sink that grows, and a source over bytes that are all there.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <string>
#include <vector>

#include "fanout/core/bytes.hpp"
#include "fanout/core/concat.hpp"
#include "fanout/core/deferred.hpp"
#include "fanout/serialize/codec.hpp"

namespace fanout::detail {

/// Keeps what is written to it.
class memory_sink final : public byte_sink {
public:
    /// With room for so many bytes: to grow may be to copy.
    explicit memory_sink(std::size_t room = 0) {
        if (room > 0) grow_to(room);
    }
    ~memory_sink() { std::free(bytes_); }

    const std::byte* data() const noexcept { return bytes_; }
    std::size_t size() const noexcept { return static_cast<std::size_t>(next_ - bytes_); }

    /// Forgets the bytes and keeps the room.
    void clear() noexcept { next_ = bytes_; }

private:
    void overflow(const std::byte* data, std::size_t size) override {
        const std::size_t needed = this->size() + size;
        const std::size_t ample = 2 * this->size() + 256;
        grow_to(needed < ample ? ample : needed);
        std::memcpy(next_, data, size);
        next_ += size;
    }

    void grow_to(std::size_t room) {
        const std::size_t size = this->size();
        auto* const bytes = static_cast<std::byte*>(std::realloc(bytes_, room));
        if (!bytes) throw std::bad_alloc();
        bytes_ = bytes;
        next_ = bytes + size;
        end_ = bytes + room;
    }

    std::byte* bytes_ = nullptr;
};

/// Gives the bytes of somebody else, who keeps them until they are read. It can be told how many bytes are believed to
/// follow before they are there, for tests: here all are.
class memory_source final : public byte_source {
public:
    memory_source(const void* data, std::size_t size, std::size_t believable = std::numeric_limits<std::size_t>::max())
        : believable_(believable) {
        next_ = static_cast<const std::byte*>(data);
        end_ = next_ + size;
    }
    explicit memory_source(const memory_sink& written) : memory_source(written.data(), written.size()) {}

    std::size_t left() const noexcept override { return static_cast<std::size_t>(end_ - next_); }
    std::size_t believable() const noexcept override { return believable_; }

private:
    void underflow(std::byte*, std::size_t size) override { throw_too_short(size, left()); }

    std::size_t believable_;
};

/// What is written for a value.
template <class T>
deferred<std::vector<std::byte>, T> bytes_of(const T& value) {
    memory_sink sink;
    writer to(sink);
    to(value);
    return {sink.data(), sink.data() + sink.size()};
}

/// The value that was written. Throws `decode_error`, also if bytes are left over.
template <class T>
T value_from(memory_source& source) {
    reader from(source);
    T value = from.read<T>();
    if (source.left() > 0) throw_decode_error(concat({std::to_string(source.left()), " bytes left over"}), typeid(T));
    return value;
}
template <class T>
T value_from(const deferred<std::vector<std::byte>, T>& bytes) {
    memory_source source(bytes.data(), bytes.size());
    return value_from<T>(source);
}

}  // namespace fanout::detail
