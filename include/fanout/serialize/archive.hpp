// The archives: what a type's own functions write themselves to and read themselves from.
#pragma once

#include <concepts>
#include <cstddef>
#include <stdexcept>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "fanout/core/bytes.hpp"
#include "fanout/serialize/decode_error.hpp"

namespace fanout {

class writer;
class reader;

/// How values of T become bytes, for types that fanout cannot know and that cannot be given a `serialize` function.
/// Comes before everything else. Specialize it with two static functions:
///
///     template <>
///     struct fanout::codec<money> {
///         static void write(fanout::writer& to, const money& value) { to(value.cents()); }
///         static money read(fanout::reader& from) { return money::of_cents(from.read<long>()); }
///     };
template <class T>
struct codec;

namespace detail {

template <class T>
void write_value(writer& to, const T& value);
template <class T>
T read_value(reader& from);
template <class T>
void read_into(reader& from, T& value);

/// Values may contain values of their own type: this deep, and no deeper, for each level takes a part of the stack.
inline constexpr int deepest_nesting = 256;

/// One level deeper as long as it lives.
class nesting {
public:
    explicit nesting(int& depth) noexcept : depth_(depth) { ++depth_; }
    nesting(const nesting&) = delete;
    nesting& operator=(const nesting&) = delete;
    ~nesting() { --depth_; }

private:
    int& depth_;
};

}  // namespace detail

/// Writes values to a sink, in the order in which a `reader` is to read them. One thread at a time.
///
/// It is an output archive as cereal and Boost have it: `archive(a, b, c)`, `archive & a`, `archive << a`.
class writer {
public:
    using is_saving = std::true_type;
    using is_loading = std::false_type;

    explicit writer(byte_sink& sink) noexcept : sink_(sink) {}
    writer(const writer&) = delete;
    writer& operator=(const writer&) = delete;

    template <class... T>
    writer& operator()(const T&... values) {
        (detail::write_value(*this, values), ...);
        return *this;
    }
    template <class T>
    writer& operator&(const T& value) {
        return (*this)(value);
    }
    template <class T>
    writer& operator<<(const T& value) {
        return (*this)(value);
    }

    void write_bytes(const void* data, std::size_t size) { sink_.write(data, size); }
    void write_length(std::size_t length) { sink_.write(&length, sizeof length); }

    /// Stands where a value may contain others of its type. Throws `std::length_error` when they are nested too deep
    /// to be read again.
    class level : detail::nesting {
    public:
        explicit level(writer& to) : nesting(checked(to.depth_)) {}

    private:
        static int& checked(int& depth) {
            if (depth >= detail::deepest_nesting)
                throw std::length_error("fanout: a value is nested more than 256 deep and cannot be sent");
            return depth;
        }
    };

private:
    byte_sink& sink_;
    int depth_ = 0;
};

/// Reads from a source what a `writer` has written. Whatever the bytes are, it gives values that are valid for their
/// type or throws `decode_error`, or what the source throws; and no more memory is set aside than there are bytes for.
/// One thread at a time.
///
/// It is an input archive as cereal and Boost have it: `archive(a, b, c)`, `archive & a`, `archive >> a`.
class reader {
public:
    using is_saving = std::false_type;
    using is_loading = std::true_type;

    explicit reader(byte_source& source) noexcept : source_(source) {}
    reader(const reader&) = delete;
    reader& operator=(const reader&) = delete;

    template <class... T>
    reader& operator()(T&... values) {
        (detail::read_into(*this, values), ...);
        return *this;
    }
    template <class T>
    reader& operator&(T& value) {
        return (*this)(value);
    }
    template <class T>
    reader& operator>>(T& value) {
        return (*this)(value);
    }

    /// The next value: T need not be default-constructible.
    template <class T>
    T read() {
        return detail::read_value<T>(*this);
    }

    void read_bytes(void* to, std::size_t size) { source_.read(to, size); }

    /// So many bytes are still to come, at most.
    std::size_t left() const noexcept { return source_.left(); }

    /// The number of elements of a T, each of which takes at least so many bytes. Throws `decode_error` if there are
    /// not as many.
    template <class T>
    std::size_t read_length(std::size_t bytes_each = 1) {
        std::size_t length;
        source_.read(&length, sizeof length);
        const std::size_t left = source_.left();
        if (length > left / bytes_each) detail::throw_bad_length(length, left, typeid(T));
        return length;
    }

    /// The same for bits, of which a byte has eight.
    template <class T>
    std::size_t read_bit_count() {
        std::size_t count;
        source_.read(&count, sizeof count);
        const std::size_t left = source_.left();
        if (count / 8 + (count % 8 != 0) > left) detail::throw_bad_length(count, left, typeid(T));
        return count;
    }

    /// For so many elements of this size, of so many announced, memory may be set aside before they have been read.
    std::size_t reservable(std::size_t announced, std::size_t size) const noexcept {
        const std::size_t most = source_.believable() / size;
        return announced < most ? announced : most;
    }

    /// Stands where a T may contain others of its type. Throws `decode_error` when they are nested too deep.
    class level : detail::nesting {
    public:
        level(reader& from, const std::type_info& type) : nesting(checked(from.depth_, type)) {}

    private:
        static int& checked(int& depth, const std::type_info& type) {
            if (depth >= detail::deepest_nesting) detail::throw_decode_error("values nested more than 256 deep", type);
            return depth;
        }
    };

private:
    byte_source& source_;
    int depth_ = 0;
};

}  // namespace fanout
