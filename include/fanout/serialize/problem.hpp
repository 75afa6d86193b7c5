// What is wrong with a type that cannot be sent, and where in it: one readable error.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <typeinfo>

#include "fanout/core/concat.hpp"
#include "fanout/core/describe.hpp"
#include "fanout/core/misuse.hpp"

// Every reason with its text, once for the compiler's error and once for the same text at run time.
#define FANOUT_DETAIL_REASONS(REASON)                                                                                  \
    REASON(pointer, "a pointer means nothing in another process: hold the value, or a std::unique_ptr to it")          \
    REASON(reference, "a reference means nothing in another process: hold the value")                                  \
    REASON(view, "a view means nothing in another process: hold the elements, in a std::string or a std::vector")      \
    REASON(hidden_pointer,                                                                                             \
           "this class hides a pointer or a union, as iterators, handles and captures by reference do; if it can "     \
           "be sent nevertheless, give it a serialize(Archive&) function or a fanout::codec")                          \
    REASON(callable, "a function means nothing in another process: send what it computes")                             \
    REASON(resource, "locks, threads and the like belong to their process")                                            \
    REASON(union_type, "nobody knows which member of a union is meant: use std::variant")                              \
    REASON(base_class,                                                                                                 \
           "an aggregate with a base class that has members is not taken apart: make the base a member, or give it a " \
           "serialize(Archive&) function")                                                                             \
    REASON(too_many_members,                                                                                           \
           "an aggregate is taken apart up to 32 members: give it a serialize(Archive&) function, or put some of its " \
           "members into one of their own")                                                                            \
    REASON(closed_aggregate,                                                                                           \
           "the members of this aggregate cannot be counted, as with references, or more than four C arrays: give it " \
           "a serialize(Archive&) function")                                                                           \
    REASON(no_default_constructor,                                                                                     \
           "to be read by its serialize or load function it needs a default constructor, which may be private with "   \
           "'friend fanout::access;', or a fanout::codec")                                                             \
    REASON(immovable, "it can be neither copied nor moved")                                                            \
    REASON(bad_codec,                                                                                                  \
           "its fanout::codec lacks 'static void write(fanout::writer&, const T&)' or 'static T "                      \
           "read(fanout::reader&)'")                                                                                   \
    REASON(odd_pointer, "of the pointers only std::unique_ptr and std::shared_ptr to one value can be sent")           \
    REASON(base_pointer, "which class the pointer points to is not known: it is abstract")                             \
    REASON(unknown, "fanout does not know how: give it a serialize(Archive&) function or a fanout::codec")

namespace fanout::detail {

enum class why {
    fine,
#define FANOUT_DETAIL_NAME(name, text) name,
    FANOUT_DETAIL_REASONS(FANOUT_DETAIL_NAME)
#undef FANOUT_DETAIL_NAME
};

// Where something was found: in a member of an aggregate, counted from 1, or in a container, a pointer, a tuple.
template <std::size_t Number, class Aggregate>
struct member {
    static std::string text() {
        return concat({"member ", std::to_string(Number), " of ", demangled(typeid(Aggregate).name())});
    }
};
template <class Whole>
struct within {
    static std::string text() { return demangled(typeid(Whole).name()); }
};

struct no_problem {};

/// That T cannot be sent, found at the last of the places, each of which lies in the one before it.
template <why Reason, class T, class... Places>
struct problem {};

/// What a compiler shows for a type that cannot be sent: "... required from 'struct cannot_be_sent<why::pointer, int*,
/// member<2, model> >'", and one of these texts.
template <why Reason, class T, class... Places>
struct cannot_be_sent {
#define FANOUT_DETAIL_ASSERT(name, text) \
    static_assert(Reason != why::name, "fanout: the type named here cannot be sent to another process: " text);
    FANOUT_DETAIL_REASONS(FANOUT_DETAIL_ASSERT)
#undef FANOUT_DETAIL_ASSERT
};

constexpr std::string_view text_of(why reason) {
#define FANOUT_DETAIL_TEXT(name, text) \
    if (reason == why::name) return text;
    FANOUT_DETAIL_REASONS(FANOUT_DETAIL_TEXT)
#undef FANOUT_DETAIL_TEXT
    return "";
}

template <why Reason, class T, class... Places>
std::string text_of(problem<Reason, T, Places...>) {
    std::string places;
    // The innermost place first: "int*, in member 2 of node, in std::vector<node>".
    ((places = concat({", in ", Places::text(), places})), ...);
    return concat(
        {"fanout: ", demangled(typeid(T).name()), places, " cannot be sent to another process: ", text_of(Reason)});
}

constexpr bool expect(no_problem) { return true; }

template <why Reason, class T, class... Places>
constexpr bool expect(problem<Reason, T, Places...>) {
    return sizeof(cannot_be_sent<Reason, T, Places...>) > 0;
}

}  // namespace fanout::detail

#undef FANOUT_DETAIL_REASONS
