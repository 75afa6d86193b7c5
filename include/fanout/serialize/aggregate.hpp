// Plain aggregates: member after member, found out by the compiler; and the arrays of C that may be among them.
#pragma once

#include <cstddef>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "fanout/serialize/flat.hpp"

namespace fanout::detail {

template <class T>
struct way<T, rule::array> {
    using element = std::remove_extent_t<T>;
    using parts = types<part<element, within<T>>>;

    static void write(writer& to, const T& value) {
        if constexpr (flat<T>) {
            write_flat(to, value);
        } else {
            for (const element& each : value) put(to, each);
        }
    }
    static void read_into(reader& from, T& value) {
        for (element& each : value) take_into(from, each);
    }
};

template <class T, class Members, class Indices>
struct aggregate_way;

template <class T, class... M, std::size_t... I>
struct aggregate_way<T, types<M...>, std::index_sequence<I...>> {
    using parts = types<part<M, member<I + 1, T>>...>;

    static constexpr bool has_array = (std::is_array_v<M> || ...);

    /// Made in braces, where the members are read from left to right and each into its place: none needs a default
    /// constructor or an assignment. But an array cannot be made so.
    static constexpr bool is_made_in_place = flat<T> || !has_array;

    static void write(writer& to, const T& value) {
        if constexpr (flat<T>) {
            write_flat(to, value);
        } else {
            const writer::level deeper(to);
            take_apart<sizeof...(M)>(value, [&to](auto, const auto&... each) { (put(to, each), ...); });
        }
    }

    static T read(reader& from) {
        if constexpr (flat<T>) {
            return read_flat<T>(from);
        } else if constexpr (has_array) {
            T value = T();
            read_into(from, value);
            return value;
        } else {
            const reader::level deeper(from, typeid(T));
            return make(from, std::make_index_sequence<layout_of<T>.bases>());
        }
    }

    static void read_into(reader& from, T& value)
        requires(has_array || flat<T>)
    {
        if constexpr (flat<T>) {
            read_flat_into(from, value);
        } else {
            const reader::level deeper(from, typeid(T));
            take_apart<sizeof...(M)>(value, [&from](auto, auto&... each) { (take_into(from, each), ...); });
        }
    }

private:
    template <std::size_t... Base>
    static T make(reader& from, std::index_sequence<Base...>) {
        return T{repeated<any_base<T>, Base>()..., take<M>(from)...};
    }
};

template <class T>
struct way<T, rule::aggregate> : aggregate_way<T, members_of<T>, std::make_index_sequence<layout_of<T>.members()>> {};

}  // namespace fanout::detail
