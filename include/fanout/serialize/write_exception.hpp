// Writing an exception that is being handled.
#pragma once

#include <cxxabi.h>

#include <cstdint>
#include <exception>
#include <string>
#include <system_error>
#include <type_traits>
#include <typeinfo>

#include "fanout/core/describe.hpp"
#include "fanout/core/failure.hpp"
#include "fanout/serialize/codec.hpp"
#include "fanout/serialize/exception_kinds.hpp"
#include "fanout/serialize/memory.hpp"
#include "fanout/serialize/registered_exceptions.hpp"
#include "fanout/serialize/remote_exception.hpp"

namespace fanout::detail {

/// Compiled where an exception is written, and nowhere else: that is why it is a template.
template <class Writer = writer>
class exception_writer {
public:
    explicit exception_writer(Writer& to) : to_(to) {}

    /// The exception that is being handled now.
    void put_current(int depth = 0) {
        let_forced_unwinding_pass();
        type_ = type_of_current_exception();
        put(to_, type_);
        put(to_, current_exception_text());
        put_nested(nested_in_current_exception(), depth);

        const std::type_info* thrown = abi::__cxa_current_exception_type();
        if (!thrown) return put(to_, exception_kind::unknown);  // from another language
        if (*thrown == typeid(std::string)) return put(to_, exception_kind::string);
        if (*thrown == typeid(const char*) || *thrown == typeid(char*)) return put(to_, exception_kind::literal);
        if (put_number(thrown_numbers(), *thrown)) return;
        put_registered(*thrown);
        put_class();
    }

private:
    /// A thread that is being cancelled unwinds by something that must not be stopped.
    static void let_forced_unwinding_pass() {
#ifdef __GLIBCXX__
        try {
            throw;
        } catch (abi::__forced_unwind&) {
            throw;
        } catch (...) {
        }
#endif
    }

    /// What came from a third process is still what it was there.
    static std::string type_of_current_exception() {
        try {
            throw;
        } catch (const remote_exception& e) {
            return e.type();
        } catch (...) {
            return current_exception_type();
        }
    }

    static std::exception_ptr nested_in_current_exception() {
        try {
            throw;
        } catch (const std::nested_exception& e) {
            return e.nested_ptr();
        } catch (...) {
            return nullptr;
        }
    }

    void put_nested(const std::exception_ptr& nested, int depth) {
        const bool goes_on = nested && depth + 1 < deepest_nested_exception;
        put(to_, goes_on);
        if (!goes_on) return;
        try {
            std::rethrow_exception(nested);
        } catch (...) {
            exception_writer(to_).put_current(depth + 1);
        }
    }

    template <class... Number>
    bool put_number(types<Number...>, const std::type_info& type) {
        std::uint8_t position = 0;
        return ((type == typeid(Number) ? put_number<Number>(position) : (++position, false)) || ...);
    }
    template <class Number>
    bool put_number(std::uint8_t position) {
        put(to_, exception_kind::number);
        put(to_, position);
        try {
            throw;
        } catch (Number number) {
            put(to_, number);
        }
        return true;
    }

    void put_registered(const std::type_info& type) {
        const registered_exception* entry = find_registered(type);
        if (!entry) return;
        memory_sink bytes;
        try {
            writer into(bytes);
            entry->write(into);
        } catch (...) {
            return;  // it cannot be written, and that must not hide what went wrong before
        }
        put(to_, exception_kind::registered);
        put(to_, std::string(entry->type.name()));
        put(to_, count_older_namesakes(*entry));
        to_.write_length(bytes.size());
        to_.write_bytes(bytes.data(), bytes.size());
    }

    void put_class() {
        try {
            throw;
        } catch (const std::exception& e) {
            if (!put_own(own_exceptions(), e) && !put_simple(simple_exceptions(), e))
                put_standard(standard_exceptions(), e);
        } catch (...) {
            put(to_, exception_kind::unknown);
        }
    }

    template <class... Own>
    bool put_own(types<Own...>, const std::exception& e) {
        std::uint8_t position = 0;
        if (!((typeid(e) == typeid(Own) || (++position, false)) || ...)) return false;
        put(to_, exception_kind::own);
        put(to_, position);
        failure why;
        if (const auto* lost = dynamic_cast<const worker_lost*>(&e)) why = lost->why();
        if (const auto* timeout = dynamic_cast<const task_timeout*>(&e)) why.index = timeout->index();
        with_fields_of(why, [&](const auto&... each) { (put(to_, each), ...); });
        return true;
    }

    template <class... Simple>
    bool put_simple(types<Simple...>, const std::exception& e) {
        std::uint8_t position = 0;
        if (!((typeid(e) == typeid(Simple) || (++position, false)) || ...)) return false;
        put(to_, exception_kind::simple);
        put(to_, position);
        return true;
    }

    template <class... Standard>
    void put_standard(types<Standard...>, const std::exception& e) {
        std::uint8_t position = 0;
        const std::type_info* base = nullptr;
        const auto is_a = [&]<class Base>(const Base* found) {
            base = found ? &typeid(Base) : nullptr;
            position = static_cast<std::uint8_t>(position + !found);
            return found != nullptr;
        };
        static_cast<void>((is_a(dynamic_cast<const Standard*>(&e)) || ...));
        put(to_, exception_kind::standard);
        put(to_, position);
        put(to_, without_nesting(type_) == demangled(base->name()));
        const auto* system = dynamic_cast<const std::system_error*>(&e);
        put(to_, system ? system->code() : std::error_code());
    }

    /// "std::runtime_error" of what std::throw_with_nested makes of it.
    static std::string without_nesting(const std::string& type) {
        const std::string wrapper = "std::_Nested_exception<";
        if (!type.starts_with(wrapper) || !type.ends_with('>')) return type;
        const std::size_t end = type.size() - (type.ends_with(" >") ? 2 : 1);
        return type.substr(wrapper.size(), end - wrapper.size());
    }

    Writer& to_;
    std::string type_;
};

}  // namespace fanout::detail
