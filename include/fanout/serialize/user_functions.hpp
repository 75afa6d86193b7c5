// Types that write and read themselves, in cereal's convention: a member or a free function `serialize(Archive&)`, or
// the pair `save(Archive&) const` and `load(Archive&)`, with or without a version.
#pragma once

#include <concepts>
#include <cstdint>
#include <utility>

#include "fanout/serialize/archive.hpp"

namespace fanout {

/// A class whose `serialize`, `save`, `load` or default constructor is private says `friend fanout::access;`.
class access {
public:
    template <class Archive, class T>
    static auto serialize(Archive& archive, T& value) -> decltype(value.serialize(archive)) {
        return value.serialize(archive);
    }
    template <class Archive, class T>
    static auto serialize(Archive& archive, T& value, std::uint32_t version)
        -> decltype(value.serialize(archive, version)) {
        return value.serialize(archive, version);
    }
    template <class Archive, class T>
    static auto save(Archive& archive, const T& value) -> decltype(value.save(archive)) {
        return value.save(archive);
    }
    template <class Archive, class T>
    static auto save(Archive& archive, const T& value, std::uint32_t version)
        -> decltype(value.save(archive, version)) {
        return value.save(archive, version);
    }
    template <class Archive, class T>
    static auto load(Archive& archive, T& value) -> decltype(value.load(archive)) {
        return value.load(archive);
    }
    template <class Archive, class T>
    static auto load(Archive& archive, T& value, std::uint32_t version) -> decltype(value.load(archive, version)) {
        return value.load(archive, version);
    }
    template <class T>
    static auto make() -> decltype(T()) {
        return T();
    }
};

namespace detail {

template <class T>
concept has_codec = requires { sizeof(codec<T>); };

template <class T>
concept has_usable_codec = requires(writer& to, reader& from, const T& value) {
    codec<T>::write(to, value);
    { codec<T>::read(from) } -> std::same_as<T>;
};

// Each pair of functions, by how it is called; Version is nothing, or a number.
template <class T, class... Version>
concept member_serialize = requires(writer& to, reader& from, T& value, Version... version) {
    access::serialize(to, value, version...);
    access::serialize(from, value, version...);
};
template <class T, class... Version>
concept member_save_and_load = requires(writer& to, reader& from, T& value, Version... version) {
    access::save(to, std::as_const(value), version...);
    access::load(from, value, version...);
};
template <class T, class... Version>
concept free_serialize = requires(writer& to, reader& from, T& value, Version... version) {
    serialize(to, value, version...);
    serialize(from, value, version...);
};
template <class T, class... Version>
concept free_save_and_load = requires(writer& to, reader& from, T& value, Version... version) {
    save(to, std::as_const(value), version...);
    load(from, value, version...);
};

template <class T, class... Version>
concept has_functions_with = member_serialize<T, Version...> || member_save_and_load<T, Version...> ||
                             free_serialize<T, Version...> || free_save_and_load<T, Version...>;

template <class T>
concept has_functions = has_functions_with<T> || has_functions_with<T, std::uint32_t>;

template <class T>
concept can_be_made_empty = requires { access::make<T>(); };

template <class T, class... Version>
void save_by_functions(writer& to, const T& value, Version... version) {
    if constexpr (member_serialize<T, Version...>) {
        access::serialize(to, const_cast<T&>(value), version...);  // as in cereal: one function for both ways
    } else if constexpr (member_save_and_load<T, Version...>) {
        access::save(to, value, version...);
    } else if constexpr (free_serialize<T, Version...>) {
        serialize(to, const_cast<T&>(value), version...);
    } else {
        save(to, value, version...);
    }
}

template <class T, class... Version>
void load_by_functions(reader& from, T& value, Version... version) {
    if constexpr (member_serialize<T, Version...>) {
        access::serialize(from, value, version...);
    } else if constexpr (member_save_and_load<T, Version...>) {
        access::load(from, value, version...);
    } else if constexpr (free_serialize<T, Version...>) {
        serialize(from, value, version...);
    } else {
        load(from, value, version...);
    }
}

/// Both ends are of one build, so that there are no old versions: the number is always 0. (Where cereal's own
/// CEREAL_CLASS_VERSION is to count, include fanout/serialize/cereal.hpp.)
template <class T>
void write_by_functions(writer& to, const T& value) {
    if constexpr (has_functions_with<T>) {
        save_by_functions(to, value);
    } else {
        save_by_functions(to, value, std::uint32_t{0});
    }
}

template <class T>
void read_by_functions(reader& from, T& value) {
    if constexpr (has_functions_with<T>) {
        load_by_functions(from, value);
    } else {
        load_by_functions(from, value, std::uint32_t{0});
    }
}

/// Stands behind each value that foreign code has written: it tells a `load` that reads something else than its `save`
/// has written, and sees to it that no value takes no bytes at all, so that lengths can be checked.
inline constexpr unsigned char end_of_value = 0xE7;

inline void write_end_of_value(writer& to) { to.write_bytes(&end_of_value, 1); }

template <class T>
void expect_end_of_value(reader& from) {
    unsigned char end;
    from.read_bytes(&end, 1);
    if (end != end_of_value) throw_decode_error("its functions read something else than they have written", typeid(T));
}

}  // namespace detail

}  // namespace fanout
