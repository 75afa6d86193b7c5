// Any value as bytes. By its author's word first: a fanout::codec, then its own functions; then the standard library's
// types; then types that are what their bytes are; then aggregates, member by member.
#pragma once

#include <cstddef>
#include <string>
#include <type_traits>

#include "fanout/serialize/aggregate.hpp"
#include "fanout/serialize/archive.hpp"
#include "fanout/serialize/containers.hpp"
#include "fanout/serialize/flat.hpp"
#include "fanout/serialize/problem.hpp"
#include "fanout/serialize/rules.hpp"
#include "fanout/serialize/standard.hpp"

namespace fanout {

namespace detail {

// Types may contain themselves, through a vector or a pointer, so that a search must know where it is.
template <class T, class Place>
inline constexpr bool is_in = false;
template <class T, std::size_t Number>
inline constexpr bool is_in<T, member<Number, T>> = true;

/// What stands in the way of T itself, its parts aside.
template <class T>
consteval why find_obstacle() {
    constexpr rule by = rule_of<T>;
    if constexpr (by == rule::none) {
        return find_reason<T>();
    } else if constexpr (by == rule::codec) {
        return has_usable_codec<T> ? why::fine : why::bad_codec;
    } else if constexpr (by == rule::functions) {
        return can_be_made_empty<T> ? why::fine : why::no_default_constructor;
    } else if constexpr (by == rule::bytes) {
        return hides_a_pointer<T>() ? why::hidden_pointer : why::fine;
    } else if constexpr (by == rule::pointer) {
        return std::is_abstract_v<typename T::element_type> ? why::base_pointer : why::fine;
    } else if constexpr (by == rule::aggregate) {
        return way<T>::is_made_in_place || can_be_made_empty<T> ? why::fine : why::closed_aggregate;
    } else {
        return why::fine;
    }
}

template <class T, class... Places>
consteval auto find_problem();

template <class... Places>
consteval auto find_problem_in(types<>) {
    return no_problem();
}
template <class... Places, class T, class Place, class... More>
consteval auto find_problem_in(types<part<T, Place>, More...>) {
    constexpr auto first = find_problem<T, Places..., Place>();
    if constexpr (std::is_same_v<decltype(first), const no_problem>) {
        return find_problem_in<Places...>(types<More...>());
    } else {
        return first;
    }
}

/// The first problem in T, which was reached through these places.
template <class Declared, class... Places>
consteval auto find_problem() {
    using T = std::remove_cv_t<Declared>;
    if constexpr ((is_in<T, Places> || ...)) {
        return no_problem();
    } else if constexpr (constexpr why obstacle = find_obstacle<T>(); obstacle != why::fine) {
        return problem<obstacle, T, Places...>();
    } else {
        return find_problem_in<Places...>(typename way<T>::parts());
    }
}

template <class T>
inline constexpr auto problem_of = find_problem<T>();

}  // namespace detail

/// Values of T can be sent to another process.
template <class T>
concept serializable = std::is_same_v<decltype(detail::find_problem<T>()), detail::no_problem>;

namespace detail {

/// Does not compile, with one error that says why, if values of T cannot be sent.
template <class T>
constexpr bool expect_serializable() {
    return expect(find_problem<T>());
}

/// The same as a text: "fanout: int*, in member 2 of node cannot be sent to another process: a pointer ...". Empty if
/// they can.
template <class T>
std::string why_not_serializable() {
    if constexpr (serializable<T>) {
        return "";
    } else {
        return text_of(find_problem<T>());
    }
}

template <class T>
void write_value(writer& to, const T& value) {
    if constexpr (serializable<T>) {
        put(to, value);
    } else {
        static_cast<void>(expect_serializable<T>());
    }
}

template <class T>
T read_value(reader& from) {
    if constexpr (serializable<T>) {
        return take<T>(from);
    } else {
        static_cast<void>(expect_serializable<T>());
        return misuse();
    }
}

template <class T>
void read_into(reader& from, T& value) {
    if constexpr (serializable<T>) {
        take_into(from, value);
    } else {
        static_cast<void>(expect_serializable<T>());
    }
}

}  // namespace detail

}  // namespace fanout
