// Functions as bytes: what a lambda captures, what a functor holds, which function a pointer means.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "fanout/core/concat.hpp"
#include "fanout/core/delayed.hpp"
#include "fanout/core/describe.hpp"
#include "fanout/core/errors.hpp"
#include "fanout/serialize/codec.hpp"
#include "fanout/serialize/delayed_call.hpp"
#include "fanout/tcp/function_key.hpp"

namespace fanout {

namespace detail {

template <class F>
inline constexpr bool is_function_pointer = std::is_pointer_v<F> && std::is_function_v<std::remove_pointer_t<F>>;

/// A lambda with a reference or a pointer among its captures, of which the compiler knows. It is refused at run time:
/// the same call is good with another backend.
template <class F>
inline constexpr bool is_refused = std::is_class_v<F> && std::is_trivially_copyable_v<F> && !serializable<F>;

template <class F>
inline constexpr bool can_be_sent_as_function = is_function_pointer<F> || serializable<F> || is_refused<F>;

/// Does not compile, with one error that says why, for a function that can never be sent.
template <class F>
constexpr bool expect_sendable_function() {
    static_assert(!std::is_member_pointer_v<F>,
                  "fanout: a pointer to a member cannot be sent to another process: wrap it in a lambda, "
                  "delayed([](const T& x) { return x.member(); })");
    if constexpr (!std::is_member_pointer_v<F> && !can_be_sent_as_function<F>) {
        static_assert(can_be_sent_as_function<F>,
                      "fanout: this function holds something that cannot be sent to another process. A lambda may "
                      "capture numbers and other trivially copyable values; make it a struct with members and an "
                      "operator() const for others, pass them as elements, or share them: fanout::shared");
    }
    return true;
}

[[noreturn, gnu::cold]] inline void refuse_pointers(const std::type_info& function) {
    throw serialization_error(concat(
        {"fanout: the function cannot be sent to another process, since it holds a pointer or a reference, which "
         "would mean nothing there: ",
         demangled(function.name()),
         "; capture by value, pass it as an element of a range, or share it: fanout::shared"}));
}

#if defined(__GNUC__) && !defined(__clang__)
/// Whether there is anything in these bytes that is the address of something here.
inline bool holds_an_address(const void* bytes, std::size_t size) {
    std::FILE* const maps = std::fopen("/proc/self/maps", "re");
    if (!maps) return false;
    bool found = false;
    char line[512];
    while (!found && std::fgets(line, sizeof line, maps)) {
        unsigned long begin = 0, end = 0;
        if (std::sscanf(line, "%lx-%lx", &begin, &end) != 2) continue;
        for (std::size_t at = 0; at + sizeof(std::uintptr_t) <= size; at += sizeof(std::uintptr_t)) {
            std::uintptr_t word = 0;
            std::memcpy(&word, static_cast<const std::byte*>(bytes) + at, sizeof word);
            found = found || (begin <= word && word < end);
        }
    }
    std::fclose(maps);
    return found;
}
#endif

/// The compiler has looked into the type; where GCC cannot, for it takes only literal types apart, its bytes are looked
/// at, without the padding, in which anything may lie.
template <class F>
void expect_no_pointers([[maybe_unused]] const F& f) {
    if constexpr (is_refused<F>) {
        refuse_pointers(typeid(F));
#if defined(__GNUC__) && !defined(__clang__)
    } else if constexpr (rule_of<F> == rule::bytes && !__is_literal_type(F)) {
        alignas(F) std::byte copy[sizeof(F)];
        std::memcpy(copy, std::addressof(f), sizeof(F));
        __builtin_clear_padding(reinterpret_cast<F*>(copy));
        if (holds_an_address(copy, sizeof copy)) refuse_pointers(typeid(F));
#endif
    }
}

template <class F>
void write_function_value(writer& to, const F& f) {
    if constexpr (is_function_pointer<F>) {
        const code_place place = place_of_function(address_of_code(f));
        to(place.module, place.offset);
    } else {
        expect_no_pointers(f);
        if constexpr (!is_refused<F>) to(f);
    }
}

template <class F>
F read_function_value(reader& from) {
    if constexpr (is_function_pointer<F>) {
        code_place place;
        from(place.module, place.offset);
        return reinterpret_cast<F>(reinterpret_cast<std::uintptr_t>(find_function(place)));
    } else if constexpr (is_refused<F>) {
        refuse_pointers(typeid(F));
    } else {
        return from.read<F>();
    }
}

}  // namespace detail

/// A delayed call is its function and its arguments. Where the type says all of the function,
/// serialize/delayed_call.hpp has it already.
template <class F, class... Args>
    requires(!(std::is_empty_v<F> && std::is_default_constructible_v<F>) && detail::can_be_sent_as_function<F> &&
             (serializable<Args> && ...))
struct codec<delayed_call<F, Args...>> {
    static void write(writer& to, const delayed_call<F, Args...>& call) {
        detail::write_function_value(to, call.function());
        std::apply([&](const auto&... each) { to(each...); }, call.arguments());
    }
    static delayed_call<F, Args...> read(reader& from) {
        F f = detail::read_function_value<F>(from);
        return delayed_call<F, Args...>{std::in_place, std::move(f), from.read<Args>()...};  // from left to right
    }
};

}  // namespace fanout
