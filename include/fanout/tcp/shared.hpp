// A value that many tasks read: sent once to each worker, not once with each task.
#pragma once

#include <pthread.h>
#include <sys/random.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "fanout/core/clock.hpp"
#include "fanout/serialize/codec.hpp"
#include "fanout/tcp/function_key.hpp"
#include "fanout/tcp/messages.hpp"

namespace fanout {

namespace detail {

/// Where the shared values of this process are, by their numbers: its own, and in a worker those that it was sent,
/// which keep the number that they have where they were made. A task may make some of its own, and hand on what it was
/// sent.
class shared_values {
public:
    struct held {
        held(const void* of, const callable_code* by, void (*writes)(const void*, byte_sink&),
             void (*destroys)(const void*)) noexcept
            : value(of), code(by), write(writes), destroy(destroys) {}
        held(const held&) = delete;
        held& operator=(const held&) = delete;
        ~held() {
            if (destroy) destroy(value);
        }

        const void* const value;
        const callable_code* const code;  // that reads it from bytes
        void (*const write)(const void*, byte_sink&);
        void (*const destroy)(const void*);  // null: it belongs to the user
    };

    /// Of a value of this process. Gives its number, which no other process gives to one of its own.
    static std::uint64_t add(std::unique_ptr<const held> what) {
        const std::uint64_t index = next_.fetch_add(1, std::memory_order_relaxed);
        if (index >= most_made) throw_too_many();
        const std::uint64_t number = origin() | index;
        put(number, std::move(what));
        return number;
    }

    static void put(std::uint64_t number, std::unique_ptr<const held> what) {
        delete place_for(number).exchange(what.release(), std::memory_order_acq_rel);
    }

    static void remove(std::uint64_t number) noexcept {
        if (place* const its = place_of(number)) delete its->value.exchange(nullptr, std::memory_order_acq_rel);
    }

    /// Of a coordinator that has gone.
    static void remove_received() noexcept {
        for (std::atomic<block*>& each : blocks_) {
            block* const its = each.load(std::memory_order_acquire);
            if (!its) continue;
            for (place& here : its->all) {
                const held* const value = here.value.load(std::memory_order_acquire);
                if (value && value->destroy) delete here.value.exchange(nullptr, std::memory_order_acq_rel);
            }
        }
    }

    static const held* find(std::uint64_t number) noexcept {
        const place* const its = place_of(number);
        return its ? its->value.load(std::memory_order_acquire) : nullptr;
    }

private:
    static constexpr std::uint64_t most_made = std::uint64_t{1} << 20;
    static constexpr std::size_t places = 2 * most_made;  // for its own and those of others
    static constexpr std::size_t block_size = 1024;

    // A hash table with linear probing, whose places are never given back.
    struct place {
        std::atomic<std::uint64_t> number = 0;  // 0: nobody's
        std::atomic<const held*> value = nullptr;
    };
    struct block {
        place all[block_size];
    };

    /// The upper bits of all numbers of this process, drawn at random. A forked child draws its own.
    static std::uint64_t origin() noexcept {
        std::uint64_t drawn = origin_.load(std::memory_order_relaxed);
        if (drawn != 0) return drawn;
        std::uint64_t bits = 0;
        if (getrandom(&bits, sizeof bits, 0) != sizeof bits)
            bits = static_cast<std::uint64_t>(clock::now().time_since_epoch().count()) * 0x9e37'79b9'7f4a'7c15u ^
                   static_cast<std::uint64_t>(getpid()) << 32;
        bits = (bits | std::uint64_t{1} << 63) & ~(most_made - 1);
        return origin_.compare_exchange_strong(drawn, bits, std::memory_order_relaxed) ? bits : drawn;
    }

    /// Numbers of one origin lie side by side, those of another somewhere else.
    static std::size_t first_place(std::uint64_t number) noexcept {
        return static_cast<std::size_t>(number + (number / most_made) * 0x9e37'79b9u) % places;
    }

    static place* place_of(std::uint64_t number) noexcept {
        for (std::size_t at = first_place(number), looks = 0; looks < places; at = (at + 1) % places, ++looks) {
            block* const its = blocks_[at / block_size].load(std::memory_order_acquire);
            if (!its) return nullptr;
            place& here = its->all[at % block_size];
            const std::uint64_t there = here.number.load(std::memory_order_acquire);
            if (there == number) return &here;
            if (there == 0) return nullptr;
        }
        return nullptr;
    }

    static std::atomic<const held*>& place_for(std::uint64_t number) {
        for (std::size_t at = first_place(number), looks = 0; looks < places; at = (at + 1) % places, ++looks) {
            place& here = block_at(at / block_size).all[at % block_size];
            std::uint64_t there = 0;
            if (here.number.compare_exchange_strong(there, number, std::memory_order_acq_rel) || there == number)
                return here.value;
        }
        throw_too_many();
    }

    static block& block_at(std::size_t which) {
        block* its = blocks_[which].load(std::memory_order_acquire);
        if (its) return *its;
        auto fresh = std::make_unique<block>();
        if (blocks_[which].compare_exchange_strong(its, fresh.get(), std::memory_order_acq_rel)) its = fresh.release();
        return *its;
    }

    [[noreturn]] static void throw_too_many() {
        throw std::length_error(
            "fanout::shared: more than a million have been made in this program; make them once, "
            "outside of the loop");
    }

    static inline constinit std::atomic<block*> blocks_[places / block_size] = {};
    static inline constinit std::atomic<std::uint64_t> next_ = 0;
    static inline constinit std::atomic<std::uint64_t> origin_ = 0;
    static inline const int registered_ = pthread_atfork(nullptr, nullptr, [] {
        next_.store(0, std::memory_order_relaxed);
        origin_.store(0, std::memory_order_relaxed);
    });
};

/// How a shared value of type T comes to a worker.
template <class T>
struct shared_code {
    using held = shared_values::held;

    /// Of a value that belongs to the user.
    static std::unique_ptr<const held> of(const T& value) {
        return std::make_unique<const held>(&value, &entry_of<shared_code>, write, nullptr);
    }
    static std::unique_ptr<const held> enter(byte_source& from) {
        reader in(from);
        auto value = std::make_unique<const T>(in.template read<T>());
        auto entered = std::make_unique<const held>(value.get(), &entry_of<shared_code>, write, destroy);
        value.release();
        return entered;
    }

private:
    static void write(const void* value, byte_sink& to) {
        writer out(to);
        out(*static_cast<const T*>(value));
    }
    static void destroy(const void* value) { delete static_cast<const T*>(value); }
};
using make_shared_value = std::unique_ptr<const shared_values::held>(byte_source& from);

/// What stands in the bytes of a function for a shared value. It is found there by the first word, which nothing else
/// has.
struct shared_mark {
    static constexpr std::uint64_t magic = 0x6661'6e6f'7574'c35bu;
    std::uint64_t word = magic;
    std::uint64_t number = 0;
};

/// The numbers of the shared values that these bytes refer to.
inline std::vector<std::uint64_t> shared_values_in(const std::string& bytes) {
    std::vector<std::uint64_t> numbers;
    const std::uint64_t magic = shared_mark::magic;
    const std::string word(reinterpret_cast<const char*>(&magic), sizeof magic);
    for (std::size_t at = 0; (at = bytes.find(word, at)) != bytes.npos; at += word.size()) {
        std::uint64_t number = 0;
        std::size_t behind = at + word.size();
        if (!take_raw(bytes, behind, number) || !shared_values::find(number)) continue;
        bool known = false;
        for (const std::uint64_t each : numbers) known = known || each == number;
        if (!known) numbers.push_back(number);
    }
    return numbers;
}

}  // namespace detail

/// Stands for a shared value in a function that is sent: capture it by value. 16 bytes.
template <class T>
class shared_ref {
public:
    const T& operator*() const {
        const detail::shared_values::held* const held = detail::shared_values::find(mark_.number);
        if (!held)
            throw std::logic_error(
                "fanout::shared: the value is not here: it has been destroyed, or its reference came with an element "
                "of the range or with a call of its own; capture it in f of delayed(f), over a range");
        return *static_cast<const T*>(held->value);
    }
    const T* operator->() const { return &**this; }

private:
    template <class>
    friend class shared;
    constexpr explicit shared_ref(std::uint64_t number) noexcept : mark_{detail::shared_mark::magic, number} {}

    detail::shared_mark mark_;
};

/// A value for all tasks to read, such as a large table. It has to be alive as long as calls use it.
///
///     const shared table(std::vector<double>(4'000'000));
///     parallel(2, tcp{})(delayed([table = table.ref()](int i) { return (*table)[i]; }), indices);
///
/// It is sent to each worker once, when a function that refers to it is, and is there in all tasks of that worker
/// without a copy. On other backends a reference is just that. Costs as much time and memory as the value has bytes,
/// for each worker. Thread-safe.
template <class T>
class shared {
    static_assert(std::is_object_v<T> && !std::is_const_v<T>,
                  "fanout::shared<T>: T is a type of values, without const");

public:
    explicit shared(T value) : value_(std::move(value)) {
        static_cast<void>(detail::expect_serializable<T>());
        if constexpr (serializable<T>) number_ = detail::shared_values::add(detail::shared_code<T>::of(value_));
    }
    shared(const shared&) = delete;  // capture its reference: [t = table.ref()](int i) { return (*t)[i]; }
    shared& operator=(const shared&) = delete;
    ~shared() { detail::shared_values::remove(number_); }

    const T& operator*() const noexcept { return value_; }
    const T* operator->() const noexcept { return &value_; }

    shared_ref<T> ref() const noexcept { return shared_ref<T>(number_); }

private:
    const T value_;
    std::uint64_t number_ = 0;
};

}  // namespace fanout
