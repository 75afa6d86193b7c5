// The members of an aggregate, counted and taken apart without a line of boilerplate.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

namespace fanout::detail {

template <class... T>
struct types {
    static constexpr std::size_t size = sizeof...(T);
};

// How members are counted: Aggregate(x, x, x), with an x that becomes anything, compiles for as many x as there are
// members. In round brackets nothing is said for a part of an array, as it would be in braces; an array can be
// initialized there by {} only, and that tells it apart.

template <class Aggregate>
struct anything {
    template <class Member>
        requires(!std::is_same_v<Member, Aggregate> && !std::is_union_v<Member>)
    operator Member() const noexcept;
};

template <class Aggregate>
struct any_union {
    template <class Member>
        requires std::is_union_v<Member>
    operator Member() const noexcept;
};

/// An empty base comes first in an initializer, like a member. This one is really made, when a value is read.
template <class Aggregate>
struct any_base {
    template <class Base>
        requires(std::is_base_of_v<Base, Aggregate> && !std::is_same_v<Base, Aggregate>)
    operator Base() const noexcept {
        return Base();
    }
};

template <class Aggregate>
struct any_empty_base {
    template <class Base>
        requires(std::is_base_of_v<Base, Aggregate> && !std::is_same_v<Base, Aggregate> && std::is_empty_v<Base>)
    operator Base() const noexcept {
        return Base();
    }
};

/// Becomes nothing: what is made of it nevertheless takes anything, as std::any does, and says nothing about itself.
struct stranger {};

template <class T, std::size_t>
using repeated = T;

// Whether T can be made of so many of anything, then {}, then so many of anything, and so on.
template <class T, std::size_t... A>
consteval bool fits(std::index_sequence<A...>) {
    return requires { T(repeated<anything<T>, A>()...); };
}
template <class T, std::size_t... A, std::size_t... B>
consteval bool fits(std::index_sequence<A...>, std::index_sequence<B...>) {
    return requires { T(repeated<anything<T>, A>()..., {}, repeated<anything<T>, B>()...); };
}
template <class T, std::size_t... A, std::size_t... B, std::size_t... C>
consteval bool fits(std::index_sequence<A...>, std::index_sequence<B...>, std::index_sequence<C...>) {
    return requires {
        T(repeated<anything<T>, A>()..., {}, repeated<anything<T>, B>()..., {}, repeated<anything<T>, C>()...);
    };
}
template <class T, std::size_t... A, std::size_t... B, std::size_t... C, std::size_t... D>
consteval bool fits(std::index_sequence<A...>, std::index_sequence<B...>, std::index_sequence<C...>,
                    std::index_sequence<D...>) {
    return requires {
        T(repeated<anything<T>, A>()..., {}, repeated<anything<T>, B>()..., {}, repeated<anything<T>, C>()..., {},
          repeated<anything<T>, D>()...);
    };
}
template <class T, std::size_t... A, std::size_t... B, std::size_t... C, std::size_t... D, std::size_t... E>
consteval bool fits(std::index_sequence<A...>, std::index_sequence<B...>, std::index_sequence<C...>,
                    std::index_sequence<D...>, std::index_sequence<E...>) {
    return requires {
        T(repeated<anything<T>, A>()..., {}, repeated<anything<T>, B>()..., {}, repeated<anything<T>, C>()..., {},
          repeated<anything<T>, D>()..., {}, repeated<anything<T>, E>()...);
    };
}

inline constexpr std::size_t most_members = 32;
inline constexpr std::size_t most_arrays = 3;
inline constexpr std::size_t uncountable = 1000;

template <class T, std::size_t... Runs>
consteval bool fits_runs() {
    return fits<T>(std::make_index_sequence<Runs>()...);
}

/// The elements of T's initializer, after so many have been found in runs with an array between each two.
template <class T, std::size_t Last, std::size_t... Before>
consteval std::size_t count_on() {
    constexpr std::size_t found = (Before + ... + Last) + sizeof...(Before);
    if constexpr (sizeof...(Before) > most_arrays || found > most_members + 4) {
        return uncountable;
    } else if constexpr (fits_runs<T, Before..., Last + 1>()) {
        return count_on<T, Last + 1, Before...>();
    } else if constexpr (found == 0 && std::is_empty_v<T>) {
        return 0;  // T({}) is a copy
    } else if constexpr (fits_runs<T, Before..., Last, 0>()) {
        return count_on<T, 0, Before..., Last>();
    } else {
        return found;
    }
}

/// The elements in front of the first array. Too few do not fit if one that is left out has no default.
template <class T, std::size_t Size = 0, bool Enough = false>
consteval std::size_t count_first_run() {
    if constexpr (Size > most_members + 4) {
        return Enough ? Size : uncountable;
    } else if constexpr (fits_runs<T, Size>()) {
        return count_first_run<T, Size + 1, true>();
    } else {
        return Enough ? Size - 1 : count_first_run<T, Size + 1, Enough>();
    }
}

template <class T, class First, std::size_t... I, std::size_t... J>
consteval bool begins_with(std::index_sequence<I...>, std::index_sequence<J...>) {
    return requires { T(repeated<First, I>()..., repeated<anything<T>, J>()...); };
}

/// Whether the first `Count` of the elements of the first run can be made of a `First`.
template <class T, class First, std::size_t Count, std::size_t Run>
consteval bool begins_with() {
    if constexpr (Count > Run) {
        return false;
    } else {
        return begins_with<T, First>(std::make_index_sequence<Count>(), std::make_index_sequence<Run - Count>());
    }
}

template <class T, std::size_t Run, std::size_t Count = 0>
consteval std::size_t count_bases() {
    if constexpr (begins_with<T, stranger, 1, Run>()) {
        return 0;
    } else if constexpr (begins_with<T, any_base<T>, Count + 1, Run>()) {
        return count_bases<T, Run, Count + 1>();
    } else {
        return Count;
    }
}

/// Behind the first run; a union in front of which there is an array is found when the member's type is looked at.
template <class T, std::size_t... I>
consteval bool goes_on_with_a_union(std::index_sequence<I...>) {
    return requires { T(repeated<anything<T>, I>()..., any_union<T>()); };
}

/// What an aggregate's initializer is made of.
struct layout {
    std::size_t elements = uncountable;  // base classes and members
    std::size_t bases = 0;
    bool bases_are_empty = true;
    bool has_union = false;

    constexpr std::size_t members() const { return elements - bases; }
    constexpr bool is_countable() const { return elements < uncountable; }
    constexpr bool can_be_taken_apart() const {
        return is_countable() && members() <= most_members && bases_are_empty && !has_union;
    }
};

template <class T>
consteval layout find_layout() {
    constexpr std::size_t run = count_first_run<T>();
    if constexpr (run >= uncountable) {
        return {};
    } else if constexpr (run > most_members) {
        return {.elements = run};
    } else {
        constexpr std::size_t bases = count_bases<T, run>();
        return {.elements = count_on<T, run>(),
                .bases = bases,
                .bases_are_empty = begins_with<T, any_empty_base<T>, bases, run>(),
                .has_union = goes_on_with_a_union<T>(std::make_index_sequence<run>())};
    }
}

template <class T>
inline constexpr layout layout_of = find_layout<T>();

// Of each of the first so many members, what `each` makes of its name.
#define FANOUT_DETAIL_MEMBERS_1(each) each(m1)
#define FANOUT_DETAIL_MEMBERS_2(each) FANOUT_DETAIL_MEMBERS_1(each), each(m2)
#define FANOUT_DETAIL_MEMBERS_3(each) FANOUT_DETAIL_MEMBERS_2(each), each(m3)
#define FANOUT_DETAIL_MEMBERS_4(each) FANOUT_DETAIL_MEMBERS_3(each), each(m4)
#define FANOUT_DETAIL_MEMBERS_5(each) FANOUT_DETAIL_MEMBERS_4(each), each(m5)
#define FANOUT_DETAIL_MEMBERS_6(each) FANOUT_DETAIL_MEMBERS_5(each), each(m6)
#define FANOUT_DETAIL_MEMBERS_7(each) FANOUT_DETAIL_MEMBERS_6(each), each(m7)
#define FANOUT_DETAIL_MEMBERS_8(each) FANOUT_DETAIL_MEMBERS_7(each), each(m8)
#define FANOUT_DETAIL_MEMBERS_9(each) FANOUT_DETAIL_MEMBERS_8(each), each(m9)
#define FANOUT_DETAIL_MEMBERS_10(each) FANOUT_DETAIL_MEMBERS_9(each), each(m10)
#define FANOUT_DETAIL_MEMBERS_11(each) FANOUT_DETAIL_MEMBERS_10(each), each(m11)
#define FANOUT_DETAIL_MEMBERS_12(each) FANOUT_DETAIL_MEMBERS_11(each), each(m12)
#define FANOUT_DETAIL_MEMBERS_13(each) FANOUT_DETAIL_MEMBERS_12(each), each(m13)
#define FANOUT_DETAIL_MEMBERS_14(each) FANOUT_DETAIL_MEMBERS_13(each), each(m14)
#define FANOUT_DETAIL_MEMBERS_15(each) FANOUT_DETAIL_MEMBERS_14(each), each(m15)
#define FANOUT_DETAIL_MEMBERS_16(each) FANOUT_DETAIL_MEMBERS_15(each), each(m16)
#define FANOUT_DETAIL_MEMBERS_17(each) FANOUT_DETAIL_MEMBERS_16(each), each(m17)
#define FANOUT_DETAIL_MEMBERS_18(each) FANOUT_DETAIL_MEMBERS_17(each), each(m18)
#define FANOUT_DETAIL_MEMBERS_19(each) FANOUT_DETAIL_MEMBERS_18(each), each(m19)
#define FANOUT_DETAIL_MEMBERS_20(each) FANOUT_DETAIL_MEMBERS_19(each), each(m20)
#define FANOUT_DETAIL_MEMBERS_21(each) FANOUT_DETAIL_MEMBERS_20(each), each(m21)
#define FANOUT_DETAIL_MEMBERS_22(each) FANOUT_DETAIL_MEMBERS_21(each), each(m22)
#define FANOUT_DETAIL_MEMBERS_23(each) FANOUT_DETAIL_MEMBERS_22(each), each(m23)
#define FANOUT_DETAIL_MEMBERS_24(each) FANOUT_DETAIL_MEMBERS_23(each), each(m24)
#define FANOUT_DETAIL_MEMBERS_25(each) FANOUT_DETAIL_MEMBERS_24(each), each(m25)
#define FANOUT_DETAIL_MEMBERS_26(each) FANOUT_DETAIL_MEMBERS_25(each), each(m26)
#define FANOUT_DETAIL_MEMBERS_27(each) FANOUT_DETAIL_MEMBERS_26(each), each(m27)
#define FANOUT_DETAIL_MEMBERS_28(each) FANOUT_DETAIL_MEMBERS_27(each), each(m28)
#define FANOUT_DETAIL_MEMBERS_29(each) FANOUT_DETAIL_MEMBERS_28(each), each(m29)
#define FANOUT_DETAIL_MEMBERS_30(each) FANOUT_DETAIL_MEMBERS_29(each), each(m30)
#define FANOUT_DETAIL_MEMBERS_31(each) FANOUT_DETAIL_MEMBERS_30(each), each(m31)
#define FANOUT_DETAIL_MEMBERS_32(each) FANOUT_DETAIL_MEMBERS_31(each), each(m32)
#define FANOUT_DETAIL_ITSELF(name) name
#define FANOUT_DETAIL_TAKE_APART(number)                                      \
    if constexpr (Size == number) {                                           \
        auto& [FANOUT_DETAIL_MEMBERS_##number(FANOUT_DETAIL_ITSELF)] = value; \
        return f(types<FANOUT_DETAIL_MEMBERS_##number(decltype)>(),           \
                 FANOUT_DETAIL_MEMBERS_##number(FANOUT_DETAIL_ITSELF));       \
    }

/// Calls f with the types of the members as they are declared, and with the members.
template <std::size_t Size, class T, class F>
constexpr decltype(auto) take_apart(T& value, F&& f) {
    if constexpr (Size == 0) return f(types<>());
    // clang-format off
    FANOUT_DETAIL_TAKE_APART(1) FANOUT_DETAIL_TAKE_APART(2) FANOUT_DETAIL_TAKE_APART(3) FANOUT_DETAIL_TAKE_APART(4)
    FANOUT_DETAIL_TAKE_APART(5) FANOUT_DETAIL_TAKE_APART(6) FANOUT_DETAIL_TAKE_APART(7) FANOUT_DETAIL_TAKE_APART(8)
    FANOUT_DETAIL_TAKE_APART(9) FANOUT_DETAIL_TAKE_APART(10) FANOUT_DETAIL_TAKE_APART(11) FANOUT_DETAIL_TAKE_APART(12)
    FANOUT_DETAIL_TAKE_APART(13) FANOUT_DETAIL_TAKE_APART(14) FANOUT_DETAIL_TAKE_APART(15) FANOUT_DETAIL_TAKE_APART(16)
    FANOUT_DETAIL_TAKE_APART(17) FANOUT_DETAIL_TAKE_APART(18) FANOUT_DETAIL_TAKE_APART(19) FANOUT_DETAIL_TAKE_APART(20)
    FANOUT_DETAIL_TAKE_APART(21) FANOUT_DETAIL_TAKE_APART(22) FANOUT_DETAIL_TAKE_APART(23) FANOUT_DETAIL_TAKE_APART(24)
    FANOUT_DETAIL_TAKE_APART(25) FANOUT_DETAIL_TAKE_APART(26) FANOUT_DETAIL_TAKE_APART(27) FANOUT_DETAIL_TAKE_APART(28)
    FANOUT_DETAIL_TAKE_APART(29) FANOUT_DETAIL_TAKE_APART(30) FANOUT_DETAIL_TAKE_APART(31) FANOUT_DETAIL_TAKE_APART(32)
    // clang-format on
}

#undef FANOUT_DETAIL_TAKE_APART
#undef FANOUT_DETAIL_ITSELF
#undef FANOUT_DETAIL_MEMBERS_32
#undef FANOUT_DETAIL_MEMBERS_31
#undef FANOUT_DETAIL_MEMBERS_30
#undef FANOUT_DETAIL_MEMBERS_29
#undef FANOUT_DETAIL_MEMBERS_28
#undef FANOUT_DETAIL_MEMBERS_27
#undef FANOUT_DETAIL_MEMBERS_26
#undef FANOUT_DETAIL_MEMBERS_25
#undef FANOUT_DETAIL_MEMBERS_24
#undef FANOUT_DETAIL_MEMBERS_23
#undef FANOUT_DETAIL_MEMBERS_22
#undef FANOUT_DETAIL_MEMBERS_21
#undef FANOUT_DETAIL_MEMBERS_20
#undef FANOUT_DETAIL_MEMBERS_19
#undef FANOUT_DETAIL_MEMBERS_18
#undef FANOUT_DETAIL_MEMBERS_17
#undef FANOUT_DETAIL_MEMBERS_16
#undef FANOUT_DETAIL_MEMBERS_15
#undef FANOUT_DETAIL_MEMBERS_14
#undef FANOUT_DETAIL_MEMBERS_13
#undef FANOUT_DETAIL_MEMBERS_12
#undef FANOUT_DETAIL_MEMBERS_11
#undef FANOUT_DETAIL_MEMBERS_10
#undef FANOUT_DETAIL_MEMBERS_9
#undef FANOUT_DETAIL_MEMBERS_8
#undef FANOUT_DETAIL_MEMBERS_7
#undef FANOUT_DETAIL_MEMBERS_6
#undef FANOUT_DETAIL_MEMBERS_5
#undef FANOUT_DETAIL_MEMBERS_4
#undef FANOUT_DETAIL_MEMBERS_3
#undef FANOUT_DETAIL_MEMBERS_2
#undef FANOUT_DETAIL_MEMBERS_1

struct give_types {
    template <class... M>
    constexpr types<M...> operator()(types<M...> all, const auto&...) const {
        return all;
    }
};

/// types<...> of T's members as they are declared.
template <class T>
using members_of = decltype(take_apart<layout_of<T>.members()>(std::declval<T&>(), give_types()));

}  // namespace fanout::detail
