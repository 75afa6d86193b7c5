// Where the results of a loop land: one slot a task, written by whoever runs it, given out as a vector at the end.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "fanout/core/outcome.hpp"

namespace fanout::detail {

// Results that are cheap to make empty are assigned in the vector itself; others (no default constructor, or one that
// may throw) wait in an optional and are moved once at the end. Bits of a vector<bool> share words, so bool gets bytes.
template <class R>
inline constexpr bool assigned_in_place =
    std::is_nothrow_default_constructible_v<R> && std::is_move_assignable_v<R> && !std::is_same_v<R, bool>;

template <class R>
struct slot_for : std::conditional<assigned_in_place<R>, R, std::optional<R>> {};
template <>
struct slot_for<bool> : std::type_identity<unsigned char> {};
template <class R>
struct slot_for<outcome<R>> : std::type_identity<outcome<R>> {};

template <class Slot, class Make>
void fill(Slot& slot, Make&& make) {
    slot = make();
}
template <class R, class Make>
void fill(std::optional<R>& slot, Make&& make) {
    slot.emplace(make());
}
template <class R, class Make>
void fill(outcome<R>& slot, Make&& make) {
    if constexpr (std::is_void_v<R>) {
        make();
        slot.emplace();
    } else {
        slot.emplace(make());
    }
}

template <class R>
R& held_in(R& slot) {
    return slot;
}
template <class R>
R& held_in(std::optional<R>& slot) {
    return *slot;
}

/// Slots for a number of tasks that is known before the first one runs.
template <class Slot>
class fixed_slots {
public:
    /// Once, before the first task.
    void grow_to(std::size_t size) { slots_ = std::vector<Slot>(size); }

    Slot& operator[](std::size_t index) { return slots_[index]; }

    template <class R>
    std::vector<R> take(std::size_t /*size*/) {
        if constexpr (std::is_same_v<Slot, R>) {
            return std::move(slots_);
        } else if constexpr (std::is_same_v<R, bool>) {
            return std::vector<bool>(slots_.begin(), slots_.end());
        } else {
            std::vector<R> results;
            results.reserve(slots_.size());
            for (Slot& slot : slots_) results.push_back(std::move(held_in(slot)));
            return results;
        }
    }

private:
    std::vector<Slot> slots_;
};

/// Slots whose number is found out on the way. They never move: others may be writing while more are added.
template <class Slot>
class growing_slots {
public:
    /// Makes slots for all indices below `size`. Only one thread may grow at a time.
    void grow_to(std::size_t size) {
        for (; capacity_ < size; ++blocks_made_) {
            const std::size_t length = smallest_block << blocks_made_;
            blocks_[blocks_made_] = std::make_unique<Slot[]>(length);
            capacity_ += length;
        }
    }

    Slot& operator[](std::size_t index) {
        const auto block = static_cast<std::size_t>(std::bit_width(index / smallest_block + 1)) - 1;
        return blocks_[block][index - smallest_block * ((std::size_t{1} << block) - 1)];
    }

    template <class R>
    std::vector<R> take(std::size_t size) {
        std::vector<R> results;
        results.reserve(size);
        for (std::size_t i = 0; i < size; ++i) {
            if constexpr (std::is_same_v<R, bool>)
                results.push_back((*this)[i] != 0);
            else
                results.push_back(std::move(held_in((*this)[i])));
        }
        return results;
    }

private:
    static constexpr std::size_t smallest_block = 64;

    std::array<std::unique_ptr<Slot[]>, 58> blocks_;  // each twice the length of the one before: enough for any size
    std::size_t blocks_made_ = 0;
    std::size_t capacity_ = 0;
};

/// A loop of `void` tasks has nothing to keep.
struct no_slots {
    void grow_to(std::size_t) {}
};

}  // namespace fanout::detail
