// Making an exception again from its bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "fanout/core/concat.hpp"
#include "fanout/core/failure.hpp"
#include "fanout/serialize/codec.hpp"
#include "fanout/serialize/exception_kinds.hpp"
#include "fanout/serialize/interned.hpp"
#include "fanout/serialize/memory.hpp"
#include "fanout/serialize/registered_exceptions.hpp"
#include "fanout/serialize/remote_exception.hpp"

namespace fanout {

/// An exception that has been read, with its type and text as they were.
struct received_exception {
    std::string type;
    std::string what;
    std::exception_ptr exception;
};

namespace detail {

/// A text that lives as long as the pointer to it that is thrown.
class lasting_text {
public:
    explicit lasting_text(std::string text) : text_(std::move(text)) {}
    const std::string& text() const noexcept { return text_; }

private:
    std::string text_;
};

/// Compiled where an exception is read, and nowhere else: that is why it is a template. First everything is read, then
/// it is thrown, so that what is thrown is never the reader's own error.
template <class Reader = reader>
class exception_reader {
public:
    explicit exception_reader(Reader& from) : from_(from) {}

    received_exception take_exception(int depth = 0) {
        if (depth >= deepest_nested_exception)
            throw_decode_error("exceptions nested more than 32 deep", typeid(std::exception));
        type_ = take<std::string>(from_);
        what_ = take<std::string>(from_);
        if (take<bool>(from_)) nested_ = exception_reader(from_).take_exception(depth + 1).exception;
        kind_ = take<exception_kind>(from_);
        std::exception_ptr exactly;
        if (kind_ == exception_kind::registered) {
            exactly = take_registered();
            kind_ = take<exception_kind>(from_);
        }
        take_details();
        received_exception received{type_, what_, exactly};
        if (!exactly) received.exception = caught();
        return received;
    }

private:
    /// Null if the class is not known here, or cannot be made as it was: there is something nearest to it then.
    std::exception_ptr take_registered() {
        const auto name = take<std::string>(from_);
        const auto older = take<std::uint32_t>(from_);
        const auto bytes = take<std::string>(from_);
        const registered_exception* entry = find_registered(name.c_str(), older);
        if (!entry) return nullptr;
        memory_source source(bytes.data(), bytes.size());
        reader own(source);
        try {
            return entry->read(own, what_, nested_);
        } catch (...) {
            return nullptr;
        }
    }

    void take_details() {
        switch (kind_) {
            case exception_kind::standard:
                take_position(standard_exceptions::size);
                is_exact_ = take<bool>(from_);
                code_ = take<std::error_code>(from_);
                return;
            case exception_kind::simple:
                return take_position(simple_exceptions::size);
            case exception_kind::number:
                take_position(thrown_numbers::size);
                return take_number(thrown_numbers());
            case exception_kind::own:
                take_position(own_exceptions::size);
                return take_failure();
            case exception_kind::string:
            case exception_kind::literal:
            case exception_kind::unknown:
                return;
            case exception_kind::registered:
                break;  // not twice
        }
        throw_decode_error("an unknown kind of exception", typeid(std::exception));
    }

    void take_position(std::size_t size) {
        position_ = take<std::uint8_t>(from_);
        if (position_ >= size) throw_decode_error("an unknown class of exceptions", typeid(std::exception));
    }

    template <class... Number>
    void take_number(types<Number...>) {
        std::size_t position = 0;
        ((position++ == position_ ? take_number<Number>() : void()), ...);
    }
    template <class Number>
    void take_number() {
        const Number number = take<Number>(from_);
        std::memcpy(number_, &number, sizeof number);
    }

    void take_failure() {
        with_fields_of(why_, [&](auto&... each) { (take_into(from_, each), ...); });
    }

    std::exception_ptr caught() {
        try {
            if (!nested_) raise();
            try {
                std::rethrow_exception(nested_);
            } catch (...) {
                raise();
            }
        } catch (...) {
            return std::current_exception();
        }
    }

    [[noreturn]] void raise() {
        if (kind_ == exception_kind::standard) raise_standard(standard_exceptions());
        if (kind_ == exception_kind::simple) raise_simple(simple_exceptions());
        if (kind_ == exception_kind::number) raise_number(thrown_numbers());
        if (kind_ == exception_kind::own) raise_own(own_exceptions());
        if (kind_ == exception_kind::string) throw what_;
        if (kind_ == exception_kind::literal && what_.size() <= 4096)
            if (const auto* lasting = interned<lasting_text, 1000>::find(what_)) throw lasting->text().c_str();
        if (kind_ == exception_kind::unknown) what_ = concat({"unknown exception of type ", type_});
        raise_remote<std::runtime_error>(what_, what_);
    }

    template <class... Standard>
    void raise_standard(types<Standard...>) {
        std::size_t position = 0;
        ((position++ == position_ ? raise_standard<Standard>() : void()), ...);
    }
    template <class E>
    void raise_standard() {
        if constexpr (std::is_same_v<E, std::system_error>) {
            const std::string start = text_before(code_.message());
            if (is_exact_ && !nested_) raise_if_the_same(start.empty() ? E(code_) : E(code_, start));
            raise_remote<E>(what_, code_);
        } else if constexpr (std::is_constructible_v<E, const std::string&>) {
            if (is_exact_ && !nested_) throw E(what_);
            raise_remote<E>(what_, what_);
        } else {
            raise_remote<E>(what_);
        }
    }

    /// The text of a system_error ends with that of its code.
    std::string text_before(const std::string& message) const {
        const std::string tail = concat({": ", message});
        return what_.ends_with(tail) ? what_.substr(0, what_.size() - tail.size()) : std::string();
    }

    template <class E>
    void raise_if_the_same(const E& again) {
        if (again.what() == what_) throw again;
    }

    /// Also what is just a standard class, if something is nested in it: what std::throw_with_nested throws is derived
    /// from that class as well.
    template <class Base, class... Args>
    [[noreturn]] void raise_remote(const std::string& text, const Args&... args) {
        remote<Base> again(type_, text, args...);
        if (nested_) std::throw_with_nested(std::move(again));
        throw again;
    }

    template <class... Simple>
    void raise_simple(types<Simple...>) {
        std::size_t position = 0;
        if (!nested_) ((position++ == position_ ? throw Simple() : void()), ...);
        raise_remote<std::exception>(what_);
    }

    template <class... Number>
    void raise_number(types<Number...>) {
        std::size_t position = 0;
        ((position++ == position_ ? raise_number<Number>() : void()), ...);
    }
    template <class Number>
    void raise_number() {
        Number number;
        std::memcpy(&number, number_, sizeof number);
        throw number;
    }

    template <class... Own>
    void raise_own(types<Own...>) {
        std::size_t position = 0;
        ((position++ == position_ ? raise_own<Own>() : void()), ...);
    }
    template <class Own>
    void raise_own() {
        if constexpr (std::is_same_v<Own, task_timeout>) {
            throw task_timeout(why_.index, what_);
        } else if constexpr (std::is_same_v<Own, worker_lost>) {
            throw worker_lost(why_, what_);
        } else {
            throw Own(what_);
        }
    }

    Reader& from_;
    std::string type_;
    std::string what_;
    std::exception_ptr nested_;
    exception_kind kind_ = exception_kind::unknown;
    std::size_t position_ = 0;
    bool is_exact_ = false;
    std::error_code code_;
    unsigned char number_[sizeof(long double)] = {};
    failure why_;
};

}  // namespace detail

}  // namespace fanout
