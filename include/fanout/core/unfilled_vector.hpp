// A vector whose elements will all be written need not be written full of zeros first.
#pragma once

#include <cstddef>
#include <type_traits>
#include <vector>

namespace fanout::detail {

/// Reaches into a vector of libstdc++, where that is possible: other libraries keep its parts private. Not where the
/// library itself keeps account of the size elsewhere as well, to find mistakes.
template <class T>
struct open_vector : std::vector<T> {
    static constexpr bool opens = requires(open_vector& v) { v._M_impl._M_finish = v._M_impl._M_start + 1; };
#if defined(_GLIBCXX_DEBUG) || defined(_GLIBCXX_SANITIZE_VECTOR)
    static constexpr bool has_one_size = false;
#else
    static constexpr bool has_one_size = true;
#endif

    static void set_size(std::vector<T>& vector, std::size_t size) noexcept {
        constexpr auto parts = &open_vector::_M_impl;
        (vector.*parts)._M_finish = (vector.*parts)._M_start + size;
    }
};

/// So many elements without values, or with empty ones where nothing else can be had: each is to be made, in its place,
/// before it is read. Zeros are written by one thread, through memory that the others then write again: of 10,000
/// square roots on two CPUs that is a quarter of the time.
template <class T>
    requires std::is_trivially_destructible_v<T>
std::vector<T> unfilled_vector(std::size_t size) {
    if constexpr (open_vector<T>::opens && open_vector<T>::has_one_size) {
        std::vector<T> made;
        made.reserve(size);
        open_vector<T>::set_size(made, size);
        return made;
    } else {
        return std::vector<T>(size);
    }
}

}  // namespace fanout::detail
