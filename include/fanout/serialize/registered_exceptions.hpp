// Exceptions of users that arrive in their own class, because they have been announced before.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "fanout/serialize/codec.hpp"

/// Lets exceptions of this class arrive as they are. At namespace scope, and, as the throwing process and the catching
/// one are the same program, in any of its files. What it needs stands at `fanout::register_exception`.
#define FANOUT_EXCEPTION(...) \
    [[maybe_unused]] static const bool FANOUT_DETAIL_UNIQUE(__COUNTER__) = ::fanout::register_exception<__VA_ARGS__>()
#define FANOUT_DETAIL_UNIQUE(number) FANOUT_DETAIL_JOIN(fanout_exception_, number)
#define FANOUT_DETAIL_JOIN(name, number) name##number

namespace fanout {

namespace detail {

struct registered_exception {
    const std::type_info& type;
    const std::type_info& nested_type;  // with what std::throw_with_nested has added
    void (*write)(writer& to);          // while it is being handled
    std::exception_ptr (*read)(reader& from, const std::string& what, const std::exception_ptr& nested);
    registered_exception* next = nullptr;

    bool is(const std::type_info& thrown) const { return thrown == type || thrown == nested_type; }
};

/// A list that only grows, at its front, and has no lock that a fork could leave locked.
inline std::atomic<registered_exception*> registered_exceptions = nullptr;

/// Names of types are not unique: files have unnamed namespaces. It is counted how many entries of the same name are
/// older, which is the same in two processes of one program.
inline std::uint32_t count_older_namesakes(const registered_exception& entry) {
    std::uint32_t count = 0;
    for (const auto* older = entry.next; older; older = older->next)
        count += std::strcmp(older->type.name(), entry.type.name()) == 0;
    return count;
}

inline const registered_exception* find_registered(const std::type_info& thrown) {
    const auto* entry = registered_exceptions.load(std::memory_order_acquire);  // pairs with register_exception
    while (entry && !entry->is(thrown)) entry = entry->next;
    return entry;
}

inline const registered_exception* find_registered(const char* name, std::uint32_t older) {
    const auto* entry = registered_exceptions.load(std::memory_order_acquire);
    while (entry && !(std::strcmp(entry->type.name(), name) == 0 && count_older_namesakes(*entry) == older))
        entry = entry->next;
    return entry;
}

/// The exception, thrown while `nested` was being handled if there is one.
template <class E>
std::exception_ptr as_pointer(E exception, const std::exception_ptr& nested) {
    try {
        if (!nested) throw std::move(exception);
        try {
            std::rethrow_exception(nested);
        } catch (...) {
            std::throw_with_nested(std::move(exception));
        }
    } catch (...) {
        return std::current_exception();
    }
}

template <class E>
concept can_be_nested = std::is_class_v<E> && !std::is_final_v<E> && !std::is_base_of_v<std::nested_exception, E>;

template <class E>
const std::type_info& type_when_nested() {
#ifdef __GLIBCXX__
    if constexpr (can_be_nested<E>) return typeid(std::_Nested_exception<E>);
#endif
    return typeid(E);
}

template <class E>
struct exception_way {
    static constexpr bool by_value = has_codec<E> || has_functions<E> || serializable<E>;
    static constexpr bool by_text = std::is_constructible_v<E, const std::string&>;
    static constexpr bool by_class = std::is_base_of_v<std::exception, E> && sizeof(E) == sizeof(std::exception) &&
                                     std::is_default_constructible_v<E>;  // which says all there is

    static void write(writer& to) {
        if constexpr (by_value) {
            try {
                throw;
            } catch (const E& exception) {
                write_value(to, exception);
            }
        }
    }

    /// Null if the exception would say something else than it did.
    static std::exception_ptr read(reader& from, const std::string& what, const std::exception_ptr& nested) {
        if constexpr (by_value) {
            return as_pointer(read_value<E>(from), nested);
        } else if constexpr (by_text || by_class) {
            E exception = [&] {
                if constexpr (by_text)
                    return E(what);
                else
                    return E();
            }();
            if constexpr (std::is_base_of_v<std::exception, E>)
                if (exception.what() != what) return nullptr;
            return as_pointer(std::move(exception), nested);
        } else {
            return nullptr;
        }
    }
};

}  // namespace detail

/// Lets exceptions of class E arrive as they are, which FANOUT_EXCEPTION(E) does before `main` begins. E needs to be
/// `serializable`, its text included, or to have a constructor that takes its text as a `std::string`, or no members
/// at all; if what is made so says something else than what was thrown, it arrives as if it had not been registered.
/// Thread-safe.
template <class E>
bool register_exception() {
    using way = detail::exception_way<E>;
    static_assert(way::by_value || way::by_text || way::by_class,
                  "fanout: an exception that is to be registered needs a constructor that takes its text as a "
                  "std::string, or a serialize(Archive&) function");
    static detail::registered_exception entry{typeid(E), detail::type_when_nested<E>(), way::write, way::read};
    [[maybe_unused]] static const bool once = [] {
        entry.next = detail::registered_exceptions.load(std::memory_order_relaxed);
        while (!detail::registered_exceptions.compare_exchange_weak(entry.next, &entry, std::memory_order_release,
                                                                    std::memory_order_relaxed)) {
        }
        return true;
    }();
    return true;
}

}  // namespace fanout
