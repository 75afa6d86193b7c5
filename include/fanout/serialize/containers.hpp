// Strings and the standard library's containers: their length, then their elements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "fanout/serialize/flat.hpp"

namespace fanout::detail {

template <class T>
struct way<T, rule::string> {
    using character = typename T::value_type;
    using parts = types<>;

    static void write(writer& to, const T& value) {
        to.write_length(value.size());
        to.write_bytes(value.data(), value.size() * sizeof(character));
    }
    static void read_into(reader& from, T& value) {
        constexpr std::size_t little = 65536;  // so much may be set aside for bytes that are only announced
        const std::size_t size = from.read_length<T>(sizeof(character));
        if (size * sizeof(character) <= little) {
            value.resize(size);
            from.read_bytes(value.data(), size * sizeof(character));
        } else {
            value.clear();
            value.reserve(from.reservable(size, sizeof(character)));
            append_bytes(from, value, size);
        }
    }
    static T read(reader& from) {
        T value;
        read_into(from, value);
        return value;
    }
};

/// Bits, eight to a byte.
template <class Bits>
void write_bits(writer& to, const Bits& bits) {
    to.write_length(bits.size());
    unsigned char byte = 0;
    std::size_t written = 0;
    for (const bool bit : bits) {
        byte = static_cast<unsigned char>(byte | (bit << (written % 8)));
        if (++written % 8 != 0) continue;
        to.write_bytes(&byte, 1);
        byte = 0;
    }
    if (written % 8 != 0) to.write_bytes(&byte, 1);
}

template <class Bits>
void read_bits(reader& from, Bits& bits) {
    const std::size_t size = from.read_bit_count<Bits>();
    bits.clear();
    bits.reserve(from.reservable(size / 8, 1) * 8);
    unsigned char byte = 0;
    for (std::size_t i = 0; i < size; ++i) {
        if (i % 8 == 0) from.read_bytes(&byte, 1);
        bits.push_back((byte >> (i % 8)) & 1);
    }
}

/// Adds the next element, made where it is to stay if that can be had.
template <class Sequence>
void append(reader& from, Sequence& sequence) {
    using T = typename Sequence::value_type;
    constexpr rule by = rule_of<T>;
    if constexpr (by == rule::string || by == rule::sequence ||
                  (by == rule::functions && std::is_default_constructible_v<T>)) {
        sequence.emplace_back();
        take_into(from, sequence.back());
    } else if constexpr (by == rule::aggregate) {
        sequence.emplace_back(next_value<T>(from));
    } else {
        sequence.emplace_back(take<T>(from));
    }
}

/// Vectors, deques and lists.
template <class T>
struct way<T, rule::sequence> {
    using element = typename T::value_type;
    using parts = types<part<element, within<T>>>;

    static constexpr bool is_bits = is_vector<T> && std::is_same_v<element, bool>;
    static constexpr bool is_block = is_vector<T> && !is_bits && flat<element> && sizeof(element) <= 4096;

    static void write(writer& to, const T& value) {
        if constexpr (is_bits) {
            write_bits(to, value);
        } else {
            to.write_length(value.size());
            if constexpr (is_block) {
                to.write_bytes(value.data(), value.size() * sizeof(element));
            } else {
                for (const element& each : value) put(to, each);
            }
        }
    }

    static void read_into(reader& from, T& value) {
        if constexpr (is_bits) {
            read_bits(from, value);
        } else {
            const std::size_t size = from.read_length<T>(is_block ? sizeof(element) : 1);
            value.clear();
            if constexpr (requires { value.reserve(size); }) value.reserve(from.reservable(size, sizeof(element)));
            if constexpr (is_block) {
                append_flat<element>(from, value, size);
            } else {
                for (std::size_t i = 0; i < size; ++i) append(from, value);
            }
        }
    }

    static T read(reader& from) {
        T value;
        read_into(from, value);
        return value;
    }
};

template <class T>
struct way<T, rule::forward_list> {
    using element = typename T::value_type;
    using parts = types<part<element, within<T>>>;

    static void write(writer& to, const T& value) {
        std::size_t size = 0;
        for (auto each = value.begin(); each != value.end(); ++each) ++size;
        to.write_length(size);
        for (const element& each : value) put(to, each);
    }
    static T read(reader& from) {
        T value;
        auto last = value.before_begin();
        for (std::size_t left = from.read_length<T>(); left > 0; --left)
            last = value.emplace_after(last, take<element>(from));
        return value;
    }
};

/// Room for the buckets of a hash table.
template <class T>
void reserve_buckets(const reader& from, T& table, std::size_t size) {
    if constexpr (requires { table.reserve(size); })
        table.reserve(from.reservable(size, sizeof(typename T::value_type) + 2 * sizeof(void*)));
}

/// Sets of all kinds. How they compare or hash is not sent: it comes from the type.
template <class T>
struct way<T, rule::set> {
    using element = typename T::value_type;
    using parts = types<part<element, within<T>>>;

    static void write(writer& to, const T& value) {
        to.write_length(value.size());
        for (const element& each : value) put(to, each);
    }
    static T read(reader& from) {
        T value;
        const std::size_t size = from.read_length<T>();
        reserve_buckets(from, value, size);
        for (std::size_t i = 0; i < size; ++i) value.emplace_hint(value.end(), take<element>(from));
        return value;
    }
};

template <class T>
struct way<T, rule::map> {
    using key = typename T::key_type;
    using mapped = typename T::mapped_type;
    using parts = types<part<key, within<T>>, part<mapped, within<T>>>;

    static void write(writer& to, const T& value) {
        to.write_length(value.size());
        for (const auto& [k, v] : value) {
            put(to, k);
            put(to, v);
        }
    }
    static T read(reader& from) {
        T value;
        const std::size_t size = from.read_length<T>();
        reserve_buckets(from, value, size);
        for (std::size_t i = 0; i < size; ++i) {
            key k = take<key>(from);
            value.emplace_hint(value.end(), std::move(k), take<mapped>(from));
        }
        return value;
    }
};

}  // namespace fanout::detail
