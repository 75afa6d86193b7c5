// The standard library's other types: tuples, optionals, variants, owning pointers, error codes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "fanout/core/concat.hpp"
#include "fanout/core/light_standard.hpp"
#include "fanout/serialize/containers.hpp"
#include "fanout/serialize/error_category.hpp"

namespace fanout::detail {

template <class T, class Indices = std::make_index_sequence<std::tuple_size_v<T>>>
struct tuple_way;
template <class T, std::size_t... I>
struct tuple_way<T, std::index_sequence<I...>> {
    using parts = types<part<std::tuple_element_t<I, T>, within<T>>...>;
    static void write(writer& to, const T& value) { (put(to, std::get<I>(value)), ...); }
    static T read(reader& from) { return T{take<std::tuple_element_t<I, T>>(from)...}; }
};
template <class T>
struct way<T, rule::tuple> : tuple_way<T> {};

/// Up to 64 elements are made in place; more of them need a default constructor.
template <class T>
struct way<T, rule::fixed_array> {
    using element = typename T::value_type;
    using parts = types<part<element, within<T>>>;

    static void write(writer& to, const T& value) {
        if constexpr (flat<T>) {
            write_flat(to, value);
        } else {
            for (const element& each : value) put(to, each);
        }
    }
    static T read(reader& from) {
        if constexpr (flat<T>) {
            return read_flat<T>(from);
        } else if constexpr (std::tuple_size_v<T> <= 64) {
            return [&]<std::size_t... I>(std::index_sequence<I...>) {
                return T{{(static_cast<void>(I), take<element>(from))...}};
            }(std::make_index_sequence<std::tuple_size_v<T>>());
        } else {
            T value;
            for (element& each : value) take_into(from, each);
            return value;
        }
    }
};

template <class T>
struct way<T, rule::optional> {
    using element = typename T::value_type;
    using parts = types<part<element, within<T>>>;

    static void write(writer& to, const T& value) {
        put(to, value.has_value());
        if (value) put(to, *value);
    }
    static T read(reader& from) {
        if (!take<bool>(from)) return T();
        return T(std::in_place, take<element>(from));
    }
};

template <class T>
struct variant_way;
template <template <class...> class Variant, class... T>
struct variant_way<Variant<T...>> {
    using variant = Variant<T...>;
    using parts = types<part<T, within<variant>>...>;

    static void write(writer& to, const variant& value) {
        if (value.valueless_by_exception()) throw std::logic_error("fanout: a variant without a value cannot be sent");
        put(to, static_cast<std::uint32_t>(value.index()));
        visit([&to](const auto& alternative) { put(to, alternative); }, value);
    }
    static variant read(reader& from) {
        const auto index = take<std::uint32_t>(from);
        if (index >= sizeof...(T)) throw_decode_error(concat({"alternative ", std::to_string(index)}), typeid(variant));
        return make[index](from);
    }

private:
    template <std::size_t Index>
    static variant make_alternative(reader& from) {
        return variant(std::in_place_index<Index>, take<std::tuple_element_t<Index, std::tuple<T...>>>(from));
    }
    template <std::size_t... I>
    static constexpr auto make_all(std::index_sequence<I...>) {
        return std::array<variant (*)(reader&), sizeof...(T)>{make_alternative<I>...};
    }
    static constexpr auto make = make_all(std::make_index_sequence<sizeof...(T)>());
};
template <class T>
struct way<T, rule::variant> : variant_way<T> {};

template <class T>
struct way<T, rule::expected> {
    using value_type = typename T::value_type;
    using error_type = typename T::error_type;
    static constexpr bool has_nothing = std::is_void_v<value_type>;
    using parts =
        types<part<std::conditional_t<has_nothing, bool, value_type>, within<T>>, part<error_type, within<T>>>;

    static void write(writer& to, const T& value) {
        put(to, value.has_value());
        if (!value.has_value()) {
            put(to, value.error());
        } else if constexpr (!has_nothing) {
            put(to, *value);
        }
    }
    static T read(reader& from) {
        if (!take<bool>(from)) return T(typename T::unexpected_type(take<error_type>(from)));
        if constexpr (has_nothing) {
            return T();
        } else {
            return T(take<value_type>(from));
        }
    }
};

/// A pointer that owns one value goes as that value: where two shared one, each has its own afterwards.
template <class T>
struct way<T, rule::pointer> {
    using element = typename T::element_type;
    using parts = types<part<element, within<T>>>;

    static void write(writer& to, const T& value) {
        put(to, value != nullptr);
        if (!value) return;
        if constexpr (std::is_polymorphic_v<element> && !std::is_final_v<element>) {
            const element& pointee = *value;
            if (typeid(pointee) != typeid(element))
                throw std::logic_error(
                    concat({"fanout: a pointer to ", demangled(typeid(element).name()), " points to a ",
                            demangled(typeid(pointee).name()), ", which would be cut down to its base"}));
        }
        put(to, std::as_const(*value));
    }
    static T read(reader& from) {
        if (!take<bool>(from)) return T();
        return T(new element(take<element>(from)));
    }
};

template <class T>
struct way<T, rule::bitset> {
    using parts = types<>;
    static void write(writer& to, const T& value) { to.write_bytes(&value, sizeof value); }
    static T read(reader& from) {
        T value;
        from.read_bytes(&value, sizeof value);
        if ((value & ~T()) != value) throw_decode_error("bits behind the last one", typeid(T));
        return value;
    }
};

/// The category goes by its name.
template <class T>
struct way<T, rule::error_code> {
    using parts = types<>;
    static void write(writer& to, const T& value) {
        put(to, value.value());
        put(to, std::string(value.category().name()));
    }
    static T read(reader& from) {
        const int value = take<int>(from);
        return T(value, category_named<T>(take<std::string>(from).c_str()));  // a name ends with its first zero
    }
};

}  // namespace fanout::detail
