// Types whose bytes are their value: they are copied as they lie in memory, a whole vector of them at once.
#pragma once

#include <cstddef>
#include <cstring>
#include <new>
#include <string>
#include <type_traits>
#include <utility>

#include "fanout/core/concat.hpp"
#include "fanout/core/fresh_memory.hpp"
#include "fanout/core/light_standard.hpp"
#include "fanout/serialize/way.hpp"

namespace fanout::detail {

template <class T>
consteval bool find_flat();

/// No pointer is in them, and nothing of them is written in another way: not by its author's functions, for example.
template <class T>
concept flat = find_flat<std::remove_cv_t<T>>();

template <class... T>
consteval bool all_flat(types<T...>) {
    return (!std::is_reference_v<T> && ...) && (flat<T> && ...);
}

template <class T>
consteval bool find_flat() {
    constexpr rule by = rule_of<T>;
    if constexpr (by == rule::number || by == rule::boolean || by == rule::nothing) {
        return true;
    } else if constexpr (by == rule::bytes) {
        return !hides_a_pointer<T>();
    } else if constexpr (by == rule::array) {
        return flat<std::remove_extent_t<T>>;
    } else if constexpr (by == rule::fixed_array) {
        return flat<typename T::value_type>;
    } else if constexpr (by == rule::aggregate && std::is_trivially_copyable_v<T> && copied_or_moved<T>) {
        return all_flat(members_of<T>());
    } else {
        return false;
    }
}

// Any bytes are a number. Not so a bool, which is 0 or 1, wherever it lies in a flat type; of an enumeration nobody can
// tell which values are meant, so that it is taken for its underlying type. What private members hold is for their
// class to know: if it must not believe strangers, it needs functions of its own.

template <class T>
consteval bool find_boolean();

template <class... T>
consteval bool any_boolean(types<T...>) {
    return (find_boolean<std::remove_cv_t<T>>() || ...);
}

template <class T>
consteval bool find_boolean() {
    constexpr rule by = rule_of<T>;
    if constexpr (by == rule::boolean) {
        return true;
    } else if constexpr (by == rule::array) {
        return find_boolean<std::remove_cv_t<std::remove_extent_t<T>>>();
    } else if constexpr (by == rule::fixed_array) {
        return find_boolean<std::remove_cv_t<typename T::value_type>>();
    } else if constexpr (by == rule::aggregate) {
        return any_boolean(members_of<T>());
    } else {
        return false;
    }
}

template <class T>
inline constexpr bool contains_boolean = find_boolean<std::remove_cv_t<T>>();

/// Looks at the bytes of a flat value that have been read.
template <class T>
void check_booleans(const T& value) {
    constexpr rule by = rule_of<T>;
    if constexpr (!contains_boolean<T>) {
        return;
    } else if constexpr (by == rule::boolean) {
        unsigned char byte;
        std::memcpy(&byte, std::addressof(value), 1);
        if (byte > 1) throw_decode_error(concat({"a bool of ", std::to_string(byte)}), typeid(T));
    } else if constexpr (by == rule::aggregate) {
        take_apart<layout_of<T>.members()>(value, [](auto, const auto&... members) { (check_booleans(members), ...); });
    } else {
        for (const auto& element : value) check_booleans(element);
    }
}

template <flat T>
void write_flat(writer& to, const T& value) {
    to.write_bytes(std::addressof(value), sizeof(T));
}

/// Where the value is to stay, for it may be too big to be on the stack.
template <flat T>
T read_flat_in_place(reader& from) {
    T value;
    from.read_bytes(std::addressof(value), sizeof value);
    check_booleans(value);
    return value;
}

template <flat T>
T read_flat(reader& from) {
    if constexpr (is_boolean<T>) {
        unsigned char byte;
        from.read_bytes(&byte, 1);
        if (byte > 1) throw_decode_error(concat({"a bool of ", std::to_string(byte)}), typeid(T));
        return static_cast<T>(byte);
    } else if constexpr (std::is_trivially_default_constructible_v<T>) {
        return read_flat_in_place<T>(from);
    } else {
        alignas(T) std::byte room[sizeof(T)];
        from.read_bytes(room, sizeof room);
        T& value = *std::launder(reinterpret_cast<T*>(room));
        check_booleans(value);
        return std::move(value);
    }
}

template <flat T>
void read_flat_into(reader& from, T& value) {
    if constexpr (contains_boolean<T> || !std::is_trivially_copy_assignable_v<T>) {
        value = read_flat<T>(from);
    } else {
        from.read_bytes(std::addressof(value), sizeof value);
    }
}

/// Through a room on the stack, for elements without a default constructor.
template <flat T, class Vector>
[[gnu::noinline]] void append_copies(reader& from, Vector& vector, std::size_t size) {  // a big frame, which ends here
    constexpr std::size_t most = 16384 / sizeof(T);
    alignas(T) std::byte room[most * sizeof(T)];
    T* const first = std::launder(reinterpret_cast<T*>(room));
    while (size > 0) {
        const std::size_t step = size < most ? size : most;
        from.read_bytes(room, step * sizeof(T));
        if constexpr (contains_boolean<T>)
            for (const T* each = first; each != first + step; ++each) check_booleans(*each);
        vector.insert(vector.end(), first, first + step);
        size -= step;
    }
}

/// Appends so many elements, which may have any bytes, to a vector or a string that has room for them or will make it
/// as they arrive. In steps: what `resize` fills with zeros is still in the cache when the bytes come.
template <class Container>
void append_bytes(reader& from, Container& container, std::size_t size) {
    using T = typename Container::value_type;
    constexpr std::size_t most = 16384 / sizeof(T);
    constexpr std::size_t steps_to_map = 16;
    const auto room = [&] { return (container.capacity() - container.size()) * sizeof(T); };
    const bool fresh = is_fresh(container.data() + container.size(), room());
    for (std::size_t i = 0; size > 0; ++i) {
        const std::size_t before = container.size();
        const std::size_t step = size < most ? size : most;
        if (fresh && i % steps_to_map == 0) {
            const std::size_t ahead = steps_to_map * most * sizeof(T);
            map_pages(container.data() + before, room() < ahead ? room() : ahead);
        }
        container.resize(before + step);
        from.read_bytes(container.data() + before, step * sizeof(T));
        size -= step;
    }
}

/// Appends so many elements to a vector that has room for them, or will make it as they arrive.
template <flat T, class Vector>
void append_flat(reader& from, Vector& vector, std::size_t size) {
    if constexpr (std::is_trivially_default_constructible_v<T> && !contains_boolean<T>)
        append_bytes(from, vector, size);
    else
        append_copies<T>(from, vector, size);
}

template <class T>
struct flat_way {
    using parts = types<>;
    static void write(writer& to, const T& value) { write_flat(to, value); }
    static T read(reader& from) { return read_flat<T>(from); }
    static void read_into(reader& from, T& value) { read_flat_into(from, value); }
};

template <class T>
struct way<T, rule::number> : flat_way<T> {};
template <class T>
struct way<T, rule::boolean> : flat_way<T> {};
template <class T>
struct way<T, rule::bytes> : flat_way<T> {};

template <class T>
struct way<T, rule::nothing> {
    using parts = types<>;
    static void write(writer& to, const T&) { to.write_bytes("", 1); }
    static T read(reader& from) {
        char nothing;
        from.read_bytes(&nothing, 1);
        return access::make<T>();
    }
};

}  // namespace fanout::detail
