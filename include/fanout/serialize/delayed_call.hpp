// Delayed calls as values to be sent: their arguments, where the type says all of the function.
#pragma once

#include <tuple>
#include <type_traits>
#include <utility>

#include "fanout/core/delayed.hpp"
#include "fanout/serialize/codec.hpp"

/// A lambda without captures and a functor without members are made anew where the call arrives. A pointer to a
/// function is not sent: it would mean nothing in another program, or something else.
template <class F, class... Args>
    requires(std::is_empty_v<F> && std::is_default_constructible_v<F> && (fanout::serializable<Args> && ...))
struct fanout::codec<fanout::delayed_call<F, Args...>> {
    static void write(writer& to, const delayed_call<F, Args...>& call) {
        std::apply([&](const auto&... each) { to(each...); }, call.arguments_);
    }
    static delayed_call<F, Args...> read(reader& from) {
        return delayed_call<F, Args...>{std::in_place, F(), from.read<Args>()...};  // in braces: from left to right
    }
};
