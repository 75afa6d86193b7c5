// The way on which values of a type go, by its rule: what each of them has.
#pragma once

#include <cstddef>
#include <type_traits>

#include "fanout/serialize/rules.hpp"

namespace fanout::detail {

/// Each specialization has three things:
///
///     using parts = types<part<T, Place>...>;              // what must be sendable too
///     static void write(writer& to, const T& value);
///     static T read(reader& from);                         // or, for arrays of C, nothing of the kind
///
/// and takes one byte at least for each value.
template <class T, rule Rule = rule_of<T>>
struct way;

/// A part of a type, and where it is found.
template <class T, class Place>
struct part {};

// For parts of what has been found sendable as a whole; everybody else calls `write_value` and `read_value`.

template <class T>
void put(writer& to, const T& value) {
    way<T>::write(to, value);
}

template <class T>
std::remove_cv_t<T> take(reader& from) {
    return way<std::remove_cv_t<T>>::read(from);
}

/// Reads a value into one that is there: with no move, and no default constructor but the one that made it.
template <class T>
void take_into(reader& from, T& value) {
    if constexpr (requires { way<T>::read_into(from, value); }) {
        way<T>::read_into(from, value);
    } else {
        value = way<T>::read(from);
    }
}

/// Becomes the next value where it is to stay: `emplace_back(next_value<T>(from))` moves nothing.
template <class T>
class next_value {
public:
    explicit next_value(reader& from) noexcept : from_(from) {}
    operator T() const { return way<T>::read(from_); }

private:
    reader& from_;
};

template <class T>
struct way<T, rule::codec> {
    using parts = types<>;
    static void write(writer& to, const T& value) {
        const writer::level deeper(to);
        codec<T>::write(to, value);
        write_end_of_value(to);
    }
    static T read(reader& from) {
        const reader::level deeper(from, typeid(T));
        T value = codec<T>::read(from);
        expect_end_of_value<T>(from);
        return value;
    }
};

template <class T>
struct way<T, rule::functions> {
    using parts = types<>;
    static void write(writer& to, const T& value) {
        const writer::level deeper(to);
        write_by_functions(to, value);
        write_end_of_value(to);
    }
    static void read_into(reader& from, T& value) {
        const reader::level deeper(from, typeid(T));
        read_by_functions(from, value);
        expect_end_of_value<T>(from);
    }
    static T read(reader& from) {
        T value = access::make<T>();
        read_into(from, value);
        return value;
    }
};

}  // namespace fanout::detail
