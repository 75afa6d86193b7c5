// Input whose elements can be reached by index: every task can be claimed from the start, and nothing is copied.
#pragma once

#include <concepts>
#include <cstddef>
#include <iterator>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>

#include "fanout/core/backend.hpp"
#include "fanout/core/light_standard.hpp"
#include "fanout/front/cursor.hpp"

namespace fanout::detail {

/// Ranges that never end by themselves, like `std::views::iota(0)`: beside others they are as long as needed.
template <class R>
concept endless_by_type = std::same_as<std::ranges::sentinel_t<R>, std::unreachable_sentinel_t>;

template <class R>
concept reached_by_index = std::ranges::random_access_range<R> && (std::ranges::sized_range<R> || endless_by_type<R>);

template <class... Rs>
concept indexable = (reached_by_index<Rs> && ...) && (std::ranges::sized_range<Rs> || ...);

template <class R>
std::size_t length_of(R& range) {
    if constexpr (std::ranges::sized_range<R>) {
        const auto size = std::ranges::size(range);
        const auto length = static_cast<std::size_t>(size);
        if (static_cast<decltype(size)>(length) != size)
            throw std::length_error("fanout: the range has more elements than a std::size_t can count");
        return length;
    }

    else
        return static_cast<std::size_t>(-1);
}

template <class... Rs>
    requires(reached_by_index<Rs> && ...)
std::size_t shortest_of(Rs&... ranges) {
    std::size_t shortest = static_cast<std::size_t>(-1);
    ((shortest = length_of(ranges) < shortest ? length_of(ranges) : shortest), ...);
    return shortest;
}

/// The elements of several ranges, by their index.
template <class... Rs>
    requires(reached_by_index<Rs> && ...)
class indexed_elements {
public:
    explicit indexed_elements(Rs&... ranges) : begins_(std::ranges::begin(ranges)...) {}

    /// Calls `use` with the elements of task `index`, exactly as they stand in the ranges.
    template <class Use>
    decltype(auto) apply(std::size_t index, Use&& use) const {
        return std::apply([&](const auto&... begins) -> decltype(auto) { return use(at(begins, index)...); }, begins_);
    }

private:
    template <class Iterator>
    static decltype(auto) at(const Iterator& begin, std::size_t index) {
        return *(begin + static_cast<std::iter_difference_t<Iterator>>(index));
    }

    std::tuple<std::ranges::iterator_t<Rs>...> begins_;
};

/// Several ranges, element by element, as far as the shortest goes; without an end if none has one. Refers to the
/// ranges, which outlive the call.
template <class... Rs>
    requires(reached_by_index<Rs> && ...)
class indexed_input {
public:
    using elements_type = indexed_elements<Rs...>;

    indexed_input(std::size_t size, Rs&... ranges) : elements_(ranges...), size_(size) {}

    std::size_t size() const noexcept { return size_; }

    task_range claim(std::size_t most) noexcept { return cursor_.claim(most, size_); }
    std::size_t unclaimed() const noexcept { return cursor_.left_of(size_); }

    /// The elements of claimed tasks, while they are being run; a copy, if that is nothing but a copy of bytes.
    std::conditional_t<(std::is_trivially_copyable_v<std::ranges::iterator_t<Rs>> && ...), elements_type,
                       const elements_type&>
    elements(task_range) const noexcept {
        return elements_;
    }

    template <class Use>
    decltype(auto) apply(std::size_t index, Use&& use) const {
        return elements_.apply(index, use);
    }

private:
    elements_type elements_;
    std::size_t size_;
    cursor cursor_;
};

}  // namespace fanout::detail
