// A value that many tasks read: sent once to each worker, not once with each task.
#pragma once

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

#include "fanout/core/lock.hpp"
#include "fanout/serialize/codec.hpp"
#include "fanout/tcp/function_key.hpp"
#include "fanout/tcp/messages.hpp"

namespace fanout {

namespace detail {

/// Where the shared values of this process are, by their numbers. A worker has those that it was sent under the numbers
/// that they have in the coordinator.
class shared_values {
public:
    static constexpr std::size_t most = std::size_t{1} << 20;

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
        const callable_code* const code;               // that reads it from bytes; in the coordinator
        void (*const write)(const void*, byte_sink&);  // in the coordinator
        void (*const destroy)(const void*);            // in a worker
    };

    static std::uint64_t add(const held* what) {
        const std::uint64_t number = next_.fetch_add(1, std::memory_order_relaxed);
        put(number, what);
        return number;
    }

    static void put(std::uint64_t number, const held* what) {
        if (number >= most)
            throw std::length_error(
                "fanout::shared: more than a million have been made in this program; make them once, "
                "outside of the loop");
        std::atomic<block*>& at = blocks_[number / block_size];
        block* its = at.load(std::memory_order_acquire);
        if (!its) {
            block* const fresh = new block();
            if (at.compare_exchange_strong(its, fresh, std::memory_order_acq_rel))
                its = fresh;
            else
                delete fresh;
        }
        delete its->all[number % block_size].exchange(what, std::memory_order_acq_rel);
    }

    static const held* find(std::uint64_t number) noexcept {
        if (number >= most) return nullptr;
        const block* const its = blocks_[number / block_size].load(std::memory_order_acquire);
        return its ? its->all[number % block_size].load(std::memory_order_acquire) : nullptr;
    }

private:
    static constexpr std::size_t block_size = 1024;
    struct block {
        std::atomic<const held*> all[block_size] = {};
    };
    static inline constinit std::atomic<block*> blocks_[most / block_size] = {};
    static inline constinit std::atomic<std::uint64_t> next_ = 0;
};

/// How a shared value of type T is made in a worker.
template <class T>
struct shared_code {
    static const shared_values::held* enter(byte_source& from) {
        reader in(from);
        auto value = std::make_unique<const T>(in.template read<T>());
        const auto* const held = new shared_values::held(value.get(), nullptr, nullptr, destroy);
        value.release();
        return held;
    }

private:
    static void destroy(const void* value) { delete static_cast<const T*>(value); }
};
using make_shared_value = const shared_values::held*(byte_source& from);

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
                "of "
                "the range or with a call of its own; capture it in f of delayed(f), over a range");
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
        if constexpr (serializable<T>) {
            number_ = detail::shared_values::add(
                new detail::shared_values::held(&value_, &detail::entry_of<detail::shared_code<T>>, write, nullptr));
        }
    }
    shared(const shared&) = delete;  // capture its reference: [t = table.ref()](int i) { return (*t)[i]; }
    shared& operator=(const shared&) = delete;
    ~shared() { detail::shared_values::put(number_, nullptr); }

    const T& operator*() const noexcept { return value_; }
    const T* operator->() const noexcept { return &value_; }

    shared_ref<T> ref() const noexcept { return shared_ref<T>(number_); }

private:
    static void write(const void* value, byte_sink& to) {
        writer out(to);
        out(*static_cast<const T*>(value));
    }

    const T value_;
    std::uint64_t number_ = 0;
};

}  // namespace fanout
