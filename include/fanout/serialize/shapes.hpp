// The standard library's types, recognized by their shape: their headers are not included here, for that would cost
// every user more than all of fanout does.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "fanout/core/light_standard.hpp"

namespace fanout::detail {

/// T as the compiler writes it, from the first letter on: "std::map<int, ...".
template <class T>
consteval std::string_view written() {
    const std::string_view text = __PRETTY_FUNCTION__;
    return text.substr(text.find("T = ") + 4);
}

/// A shape can be inherited together with a container, and then there may be more to the class than the shape tells.
/// So T itself must be of namespace std.
template <class T>
consteval bool is_std() {
    return written<T>().starts_with("std::");
}

template <class T>
consteval bool is_std(std::string_view name) {
    constexpr std::string_view text = written<T>();
    return text.starts_with("std::") && text.substr(5).starts_with(name);
}

// Those that are there anyway.

template <class T>
inline constexpr bool is_string = false;
template <class C, class Traits, class Allocator>
inline constexpr bool is_string<std::basic_string<C, Traits, Allocator>> = true;

template <class T>
inline constexpr bool is_vector = false;
template <class T, class Allocator>
inline constexpr bool is_vector<std::vector<T, Allocator>> = true;

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T>
inline constexpr bool is_fixed_array = false;
template <class T, std::size_t Size>
inline constexpr bool is_fixed_array<std::array<T, Size>> = true;

template <class T>
inline constexpr bool is_tuple = false;
template <class... T>
inline constexpr bool is_tuple<std::tuple<T...>> = true;
template <class T, class U>
inline constexpr bool is_tuple<std::pair<T, U>> = true;

// std::shared_ptr and std::weak_ptr are known by what they have, so that <memory> is included by who uses them.
template <class P>
concept shared_pointer = is_std<P>() && requires(const P& p) {
    typename P::weak_type;
    p.use_count();
    p.get();
};
template <class P>
concept weak_pointer = is_std<P>() && requires(const P& p) {
    p.expired();
    p.lock();
};

template <class T>
inline constexpr bool is_owning_pointer = false;  // that fanout can make again
template <class T>
inline constexpr bool is_owning_pointer<std::unique_ptr<T>> = !std::is_array_v<T>;
template <template <class> class Pointer, class T>
    requires shared_pointer<Pointer<T>>
inline constexpr bool is_owning_pointer<Pointer<T>> = !std::is_array_v<T> && !std::is_void_v<T>;

template <class T>
inline constexpr bool is_other_pointer = false;
template <class T, class Deleter>
inline constexpr bool is_other_pointer<std::unique_ptr<T, Deleter>> = !is_owning_pointer<std::unique_ptr<T, Deleter>>;
template <shared_pointer P>
inline constexpr bool is_other_pointer<P> = !is_owning_pointer<P>;
template <weak_pointer P>
inline constexpr bool is_other_pointer<P> = true;

// Those that may be there.

template <class T>
concept standard_container = is_std<T>() && requires(T& c) {
    typename T::value_type;
    typename T::allocator_type;
    c.begin();
    c.end();
    c.clear();
};

template <class T>
concept map_like = standard_container<T> && requires {
    typename T::key_type;
    typename T::mapped_type;
};
template <class T>
concept set_like = standard_container<T> && requires { typename T::key_type; } && !map_like<T>;

template <class T>
concept growing_sequence = standard_container<T> && requires(T& c) { c.emplace_back(); } && !is_string<T>;

template <class T>
concept forward_list_like = standard_container<T> && requires(T& c) { c.before_begin(); };

template <class T>
inline constexpr bool is_variant_of = false;
template <template <class...> class Variant, class... T>
inline constexpr bool is_variant_of<Variant<T...>> = sizeof...(T) > 0;

template <class T>
concept variant_like = is_std<T>() && is_variant_of<T> && requires(const T& v) {
    { v.index() } -> std::same_as<std::size_t>;
    { v.valueless_by_exception() } -> std::same_as<bool>;
};

template <class T>
inline constexpr bool has_value_and_error_of = false;
template <template <class, class> class Expected, class T, class E>
inline constexpr bool has_value_and_error_of<Expected<T, E>> = requires {
    requires std::same_as<typename Expected<T, E>::value_type, T>;
    requires std::same_as<typename Expected<T, E>::error_type, E>;
};

/// std::expected and those that came before it.
template <class T>
concept expected_like = has_value_and_error_of<T> && requires(const T& e) {
    typename T::unexpected_type;
    { e.has_value() } -> std::same_as<bool>;
    e.error();
};

template <class T>
concept bitset_like = is_std<T>() && std::is_trivially_copyable_v<T> && requires(T& bits) {
    bits.flip();
    bits.to_ullong();
    { bits.count() } -> std::same_as<std::size_t>;
};

template <class T>
concept complex_like = is_std<T>() && requires(const T& z) {
    typename T::value_type;
    { z.real() } -> std::same_as<typename T::value_type>;
    { z.imag() } -> std::same_as<typename T::value_type>;
};

template <class T>
concept error_code_like = is_std<T>() && requires(const T& code) {
    { code.value() } -> std::same_as<int>;
    code.category().name();
    code.default_error_condition();
};

// Those that cannot be sent, for the sake of a good answer.

template <class T>
consteval bool is_view() {
    return is_std<T>("basic_string_view<") || is_std<T>("span<") || is_std<T>("reference_wrapper<") ||
           is_std<T>("ranges::");
}

template <class T>
concept iterator_like = requires(T& i) {
    typename T::difference_type;
    *i;
    ++i;
};

template <class T>
consteval bool is_type_erased_function() {
    return is_std<T>("function<") || is_std<T>("move_only_function<") || is_std<T>("packaged_task<");
}

template <class T>
consteval bool is_resource() {
    for (const std::string_view name :
         {"mutex", "recursive_mutex", "timed_mutex", "recursive_timed_mutex", "shared_mutex", "shared_timed_mutex",
          "condition_variable", "thread", "jthread", "future<", "shared_future<", "promise<", "atomic<", "once_flag",
          "stop_token", "unique_lock<", "counting_semaphore<", "latch", "barrier<"})
        if (is_std<T>(name)) return true;
    return false;
}

}  // namespace fanout::detail
