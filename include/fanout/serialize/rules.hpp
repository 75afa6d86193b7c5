// By which rule a type is sent, or why it is not: the first that applies, from what its author has said to what can be
// found out about it.
#pragma once

#include <array>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "fanout/serialize/members.hpp"
#include "fanout/serialize/problem.hpp"
#include "fanout/serialize/shapes.hpp"
#include "fanout/serialize/user_functions.hpp"

namespace fanout::detail {

enum class rule {
    none,
    codec,      // the user's fanout::codec<T>
    functions,  // the user's serialize, or save and load
    number,     // arithmetic types and enumerations
    boolean,    // bool and enumerations over it
    nothing,    // empty classes: one byte, so that lengths can be checked
    string,
    sequence,
    forward_list,
    set,
    map,
    tuple,
    optional,
    variant,
    expected,
    pointer,
    bitset,
    error_code,
    fixed_array,  // std::array
    array,        // of C, as a member
    aggregate,
    bytes,  // trivially copyable classes with private members
};

template <std::size_t Size>
struct raw_bytes {
    std::byte bytes[Size];
};
template <std::size_t Size>
inline constexpr raw_bytes<Size> zeros{};

// A class with private members that is trivially copyable has said that its bytes are its value, for it lets everybody
// copy them. Only where they point to is lost on the way, so that is what is looked for; what they mean is not.

/// GCC does not yet know of each lambda that its bytes can be copied, when that is asked; of a class around it it does.
template <class T>
struct member_alone {
    T value;
};

/// Whether the compiler finds no pointer, no reference and no union in T, not even in private members: a bit_cast to T
/// is a constant only without them.
template <class T>
concept found_flat = requires {
    typename std::bool_constant<(static_cast<void>(__builtin_bit_cast(member_alone<T>, zeros<sizeof(T)>)), true)>;
};

/// The compilers' constants are made of literal types only. GCC cannot look into the others, nor would we wait until it
/// has looked into a huge one; those are taken as what they seem to be. Clang computes no constants of complex numbers.
template <class T>
consteval bool hides_a_pointer() {
    if constexpr (complex_like<T> || sizeof(T) > 65536) {
        return false;
#if defined(__GNUC__) && !defined(__clang__)
    } else if constexpr (!__is_literal_type(T)) {
        return is_std<T>() || iterator_like<T>;  // the standard's values are literal, its handles need not be
#endif
    } else {
        return !found_flat<T>;
    }
}

template <class T>
inline constexpr bool is_boolean = std::is_same_v<T, bool>;
template <class T>
    requires std::is_enum_v<T>
inline constexpr bool is_boolean<T> = std::is_same_v<std::underlying_type_t<T>, bool>;

template <class T>
concept copied_or_moved = std::is_move_constructible_v<T>;

/// Among those that cannot be taken apart.
template <class T>
consteval bool is_flat_aggregate() {
    if constexpr (std::is_trivially_copyable_v<T> && copied_or_moved<T>) {
        return !hides_a_pointer<T>();
    } else {
        return false;
    }
}

template <class T>
consteval rule find_standard_rule() {
    if constexpr (std::is_empty_v<T>) {
        return rule::none;
    } else if constexpr (is_string<T>) {
        return rule::string;
    } else if constexpr (is_vector<T>) {
        return rule::sequence;
    } else if constexpr (is_fixed_array<T>) {
        return rule::fixed_array;
    } else if constexpr (is_tuple<T>) {
        return rule::tuple;
    } else if constexpr (is_optional<T>) {
        return rule::optional;
    } else if constexpr (is_owning_pointer<T>) {
        return rule::pointer;
    } else if constexpr (expected_like<T>) {
        return rule::expected;
    } else if constexpr (!is_std<T>()) {
        return rule::none;
    } else if constexpr (map_like<T>) {
        return rule::map;
    } else if constexpr (set_like<T>) {
        return rule::set;
    } else if constexpr (growing_sequence<T>) {
        return rule::sequence;
    } else if constexpr (forward_list_like<T>) {
        return rule::forward_list;
    } else if constexpr (variant_like<T>) {
        return rule::variant;
    } else if constexpr (bitset_like<T>) {
        return rule::bitset;
    } else if constexpr (error_code_like<T>) {
        return rule::error_code;
    } else {
        return rule::none;
    }
}

template <class T>
consteval rule find_class_rule() {
    constexpr rule standard = find_standard_rule<T>();
    if constexpr (standard != rule::none) {
        return standard;
    } else if constexpr (std::is_union_v<T> || is_other_pointer<T> || is_view<T>() || is_resource<T>() ||
                         is_type_erased_function<T>()) {
        return rule::none;
    } else if constexpr (std::is_empty_v<T> && (std::is_trivially_copyable_v<T> || std::is_aggregate_v<T>) &&
                         copied_or_moved<T> && can_be_made_empty<T>) {
        return rule::nothing;
    } else if constexpr (std::is_aggregate_v<T>) {
        if constexpr (layout_of<T>.can_be_taken_apart()) {
            return rule::aggregate;
        } else {
            return is_flat_aggregate<T>() ? rule::bytes : rule::none;
        }
    } else {
        return std::is_trivially_copyable_v<T> && copied_or_moved<T> ? rule::bytes : rule::none;
    }
}

template <class T>
consteval rule find_rule() {
    if constexpr (std::is_reference_v<T> || std::is_void_v<T> || std::is_function_v<T>) {
        return rule::none;
    } else if constexpr (has_codec<T>) {
        return rule::codec;
    } else if constexpr (std::is_pointer_v<T> || std::is_member_pointer_v<T>) {
        return rule::none;
    } else if constexpr (is_boolean<T>) {
        return rule::boolean;
    } else if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
        return rule::number;
    } else if constexpr (std::is_null_pointer_v<T>) {
        return rule::nothing;
    } else if constexpr (std::is_bounded_array_v<T>) {
        return rule::array;
    } else if constexpr (!std::is_class_v<T> && !std::is_union_v<T>) {
        return std::is_trivially_copyable_v<T> ? rule::number : rule::none;  // such as __int128
    } else if constexpr (has_functions<T>) {
        return rule::functions;
    } else {
        return find_class_rule<T>();
    }
}

/// T without const.
template <class T>
inline constexpr rule rule_of = find_rule<T>();

template <class T>
consteval why find_reason_of_aggregate() {
    constexpr layout found = layout_of<T>;
    if constexpr (!found.is_countable()) {
        return why::closed_aggregate;
    } else if constexpr (!found.bases_are_empty) {
        return why::base_class;
    } else if constexpr (found.has_union) {
        return why::union_type;
    } else {
        return why::too_many_members;
    }
}

/// Why there is no rule for T.
template <class T>
consteval why find_reason() {
    if constexpr (std::is_reference_v<T>) {
        return why::reference;
    } else if constexpr (std::is_function_v<T> || std::is_function_v<std::remove_pointer_t<T>>) {
        return why::callable;
    } else if constexpr (std::is_pointer_v<T> || std::is_member_pointer_v<T>) {
        return why::pointer;
    } else if constexpr (std::is_union_v<T>) {
        return why::union_type;
    } else if constexpr (is_other_pointer<T>) {
        return why::odd_pointer;
    } else if constexpr (is_view<T>()) {
        return why::view;
    } else if constexpr (is_type_erased_function<T>()) {
        return why::callable;
    } else if constexpr (is_resource<T>()) {
        return why::resource;
    } else if constexpr (std::is_aggregate_v<T>) {
        return find_reason_of_aggregate<T>();
    } else if constexpr (std::is_class_v<T> && !copied_or_moved<T>) {
        return why::immovable;
    } else {
        return why::unknown;
    }
}

}  // namespace fanout::detail
