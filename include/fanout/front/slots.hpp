// Where the results of a loop land: one slot a task, written by whoever runs it, given out as a vector at the end.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "fanout/core/light_standard.hpp"
#include "fanout/core/outcome.hpp"
#include "fanout/core/unfilled_vector.hpp"

namespace fanout::detail {

// A kind of slot says what waits for a result (`slot`), how the result gets there (`fill`) and what comes out
// (`result`); and whether what is in the slot before does not matter (`needs_no_value`).

/// For results that are cheap to make empty: they are put where they are to stay.
template <class R>
struct in_place {
    using slot = R;
    using result = R;
    static constexpr bool needs_no_value = std::is_trivially_destructible_v<R>;

    template <class Make>
    static void fill(slot& slot, const Make& make) {
        if constexpr (needs_no_value)
            ::new (static_cast<void*>(&slot)) R(make());
        else
            slot = make();
    }
    static result& value(slot& slot) { return slot; }
};

/// For those with no default constructor, or one that may throw: they are moved once at the end.
template <class R>
struct emplaced {
    using slot = std::optional<R>;
    using result = R;
    static constexpr bool needs_no_value = false;

    template <class Make>
    static void fill(slot& slot, const Make& make) {
        if constexpr (std::is_void_v<decltype(make())>) {
            make();
            slot.emplace();
        } else {
            slot.emplace(make());
        }
    }
    static result& value(slot& slot) { return *slot; }
};

/// For bool: the bits of a vector<bool> share words, so that two threads could not write neighbours.
struct byte_for_bool {
    using slot = unsigned char;
    using result = bool;
    static constexpr bool needs_no_value = true;

    template <class Make>
    static void fill(slot& slot, const Make& make) {
        slot = static_cast<bool>(make());
    }
    static result value(slot slot) { return slot != 0; }
};

/// For callers who collect failures: the value in an outcome.
template <class R>
struct in_outcome {
    using slot = outcome<R>;
    using result = outcome<R>;
    static constexpr bool needs_no_value = false;

    template <class Make>
    static void fill(slot& slot, const Make& make) {
        if constexpr (std::is_void_v<R>) {
            make();
            slot.emplace();
        } else {
            slot.emplace(make());
        }
    }
    static result& value(slot& slot) { return slot; }
};

template <class R>
using slot_kind_for =
    std::conditional_t<std::is_same_v<R, bool>, byte_for_bool,
                       std::conditional_t<std::is_nothrow_default_constructible_v<R> && std::is_move_assignable_v<R>,
                                          in_place<R>, emplaced<R>>>;

/// Slots for a number of tasks that is known before the first one runs.
template <class Kind>
class fixed_slots {
    using slot = typename Kind::slot;
    using result = typename Kind::result;

public:
    /// Once, before the first task.
    void grow_to(std::size_t size) {
        if constexpr (Kind::needs_no_value)
            slots_ = unfilled_vector<slot>(size);
        else
            slots_ = std::vector<slot>(size);
    }

    slot& operator[](std::size_t index) { return slots_[index]; }
    slot* all() noexcept { return slots_.data(); }

    std::vector<result> take(std::size_t /*size*/) {
        if constexpr (std::is_same_v<slot, result>) {
            return std::move(slots_);
        } else {
            std::vector<result> results;
            results.reserve(slots_.size());
            for (slot& each : slots_) results.push_back(std::move(Kind::value(each)));
            return results;
        }
    }

private:
    std::vector<slot> slots_;
};

/// Slots whose number is found out on the way. They never move: others may be writing while more are added.
template <class Kind>
class growing_slots {
    using slot = typename Kind::slot;
    using result = typename Kind::result;

public:
    /// Makes slots for all indices below `size`. Only one thread may grow at a time.
    void grow_to(std::size_t size) {
        for (; capacity_ < size; ++blocks_made_) {
            const std::size_t length = smallest_block << blocks_made_;
            blocks_[blocks_made_] = std::make_unique<slot[]>(length);
            capacity_ += length;
        }
    }

    growing_slots& all() noexcept { return *this; }
    slot& operator[](std::size_t index) {
        const auto block = static_cast<std::size_t>(std::bit_width(index / smallest_block + 1)) - 1;
        return blocks_[block][index - smallest_block * ((std::size_t{1} << block) - 1)];
    }

    std::vector<result> take(std::size_t size) {
        std::vector<result> results;
        results.reserve(size);
        for (std::size_t i = 0; i < size; ++i) results.push_back(std::move(Kind::value((*this)[i])));
        return results;
    }

private:
    static constexpr std::size_t smallest_block = 64;

    std::array<std::unique_ptr<slot[]>, 58> blocks_;  // each twice the length of the one before: enough for any size
    std::size_t blocks_made_ = 0;
    std::size_t capacity_ = 0;
};

/// A loop of `void` tasks has nothing to keep.
struct no_slots {
    void grow_to(std::size_t) {}
    no_slots& all() noexcept { return *this; }
};

}  // namespace fanout::detail
