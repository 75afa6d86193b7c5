// Types that are written for cereal itself: name-value pairs, class versions, base_class, polymorphic pointers, private
// functions with `friend class cereal::access`, and what <cereal/types/...> knows and fanout does not. Opt-in: include
// it in front of CEREAL_REGISTER_TYPE, as other archives, and in every file that sends such types.
#pragma once

#include <cereal/cereal.hpp>
#include <cereal/details/traits.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "fanout/serialize/codec.hpp"

namespace fanout::detail {

class cereal_writer;
class cereal_reader;

template <class T>
concept known_to_cereal = cereal::traits::is_output_serializable<T, cereal_writer>::value &&
                          cereal::traits::is_input_serializable<T, cereal_reader>::value;

/// Pointers that fanout alone cannot make again: which class is behind them, or how it is constructed, cereal knows.
template <class T>
concept pointer_for_cereal = is_owning_pointer<T> && requires {
    requires std::is_polymorphic_v<typename T::element_type> ||
                 cereal::traits::has_load_and_construct<typename T::element_type, cereal_reader>::value;
};

/// Not the standard's types: fanout is faster with them, and bounded.
template <class T>
concept by_cereal =
    std::is_class_v<T> && (find_standard_rule<T>() == rule::none || pointer_for_cereal<T>) && known_to_cereal<T>;

/// Whether cereal itself has to go on with an argument of an archive: it is such a type, or one of cereal's wrappers.
template <class T>
concept left_to_cereal = by_cereal<T> || written<T>().starts_with("cereal::");

class cereal_writer : public cereal::OutputArchive<cereal_writer, cereal::AllowEmptyClassElision> {
    using base = cereal::OutputArchive<cereal_writer, cereal::AllowEmptyClassElision>;

public:
    explicit cereal_writer(writer& to) : base(this), to_(to) {}

    template <class... T>
    cereal_writer& operator()(T&&... values) {
        (write(std::forward<T>(values)), ...);
        return *this;
    }
    template <class T>
    cereal_writer& operator&(T&& value) {
        return (*this)(std::forward<T>(value));
    }
    template <class T>
    cereal_writer& operator<<(T&& value) {
        return (*this)(std::forward<T>(value));
    }

    void saveBinary(const void* data, std::size_t size) { to_.write_bytes(data, size); }

private:
    template <class T>
    void write(T&& value) {
        if constexpr (left_to_cereal<std::remove_cvref_t<T>>) {
            const writer::level deeper(to_);
            base::operator()(std::forward<T>(value));
        } else {
            to_(value);
        }
    }

    writer& to_;
};

class cereal_reader : public cereal::InputArchive<cereal_reader, cereal::AllowEmptyClassElision> {
    using base = cereal::InputArchive<cereal_reader, cereal::AllowEmptyClassElision>;

public:
    explicit cereal_reader(reader& from) : base(this), from_(from) {}

    template <class... T>
    cereal_reader& operator()(T&&... values) {
        (read(std::forward<T>(values)), ...);
        return *this;
    }
    template <class T>
    cereal_reader& operator&(T&& value) {
        return (*this)(std::forward<T>(value));
    }
    template <class T>
    cereal_reader& operator>>(T&& value) {
        return (*this)(std::forward<T>(value));
    }

    void loadBinary(void* to, std::size_t size) { from_.read_bytes(to, size); }
    void check_size(std::size_t size) const {
        if (size > from_.left()) throw_bad_length(size, from_.left(), typeid(cereal_reader));
    }

private:
    template <class T>
    void read(T&& value) {
        if constexpr (left_to_cereal<std::remove_cvref_t<T>>) {
            const reader::level deeper(from_, typeid(T));
            base::operator()(std::forward<T>(value));
        } else {
            from_(value);
        }
    }

    reader& from_;
};

// What every archive of cereal says for cereal's wrappers. Numbers are never left to it; that they can be written must
// be known.

template <class T>
    requires std::is_arithmetic_v<T>
void save(cereal_writer& archive, const T& number) {
    archive(number);
}
template <class T>
    requires std::is_arithmetic_v<T>
void load(cereal_reader& archive, T& number) {
    archive(number);
}

template <class T>
void save(cereal_writer& archive, const cereal::NameValuePair<T>& pair) {
    archive(pair.value);
}
template <class T>
void load(cereal_reader& archive, cereal::NameValuePair<T>& pair) {
    archive(pair.value);
}

template <class T>
void save(cereal_writer& archive, const cereal::SizeTag<T>& tag) {
    archive(static_cast<std::uint64_t>(tag.size));
}
template <class T>
void load(cereal_reader& archive, cereal::SizeTag<T>& tag) {
    std::uint64_t size = 0;
    archive(size);
    archive.check_size(size);
    tag.size = static_cast<std::remove_reference_t<decltype(tag.size)>>(size);
}

template <class T>
void save(cereal_writer& archive, const cereal::BinaryData<T>& binary) {
    archive.saveBinary(binary.data, static_cast<std::size_t>(binary.size));
}
template <class T>
void load(cereal_reader& archive, cereal::BinaryData<T>& binary) {
    archive.loadBinary(binary.data, static_cast<std::size_t>(binary.size));
}

}  // namespace fanout::detail

/// Lengths are checked as everywhere; what cereal's own functions make of other wrong bytes is theirs: its function for
/// std::valarray, say, looks at the first element of an empty one.
///
/// Shared pointers are told apart within one value that cereal writes, not between two of them.
template <class T>
    requires fanout::detail::by_cereal<T>
struct fanout::codec<T> {
    static void write(writer& to, const T& value) {
        detail::cereal_writer archive(to);
        archive(value);
        archive.serializeDeferments();
    }

    static T read(reader& from) {
        if constexpr (std::is_default_constructible_v<T>) {
            T value{};
            read_into(from, value);
            return value;
        } else {
            const std::unique_ptr<T> value(cereal::access::construct<T>());
            read_into(from, *value);
            return std::move(*value);
        }
    }

private:
    static void read_into(reader& from, T& value) {
        try {
            detail::cereal_reader archive(from);
            archive(value);
            archive.serializeDeferments();
        } catch (const cereal::Exception& wrong) {
            detail::throw_decode_error(wrong.what(), typeid(T));
        }
    }
};

CEREAL_REGISTER_ARCHIVE(fanout::detail::cereal_writer)
CEREAL_REGISTER_ARCHIVE(fanout::detail::cereal_reader)
CEREAL_SETUP_ARCHIVE_TRAITS(fanout::detail::cereal_reader, fanout::detail::cereal_writer)
