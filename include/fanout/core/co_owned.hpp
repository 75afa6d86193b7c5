// A pointer that owns what it points to, together with others: what std::shared_ptr is, for who can do with a count
// inside of the object. That one would cost everybody who includes fanout a twelfth of what <thread> costs.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

namespace fanout::detail {

/// What a `co_owned` can point to derives from this.
class counts_owners {
public:
    counts_owners(const counts_owners&) = delete;
    counts_owners& operator=(const counts_owners&) = delete;
    virtual ~counts_owners() = default;

protected:
    counts_owners() = default;

private:
    template <class T>
    friend class co_owned;

    mutable std::atomic<std::size_t> owners_ = 0;
};

/// A value that does not derive from it.
template <class T>
struct with_owners final : counts_owners {
    explicit with_owners(T of) : value(std::move(of)) {}
    T value;
};

/// One object may be had from different threads; one pointer may not.
template <class T>
class co_owned {
public:
    co_owned() = default;

    /// An object that is new, or has owners already.
    explicit co_owned(T* object) noexcept : object_(object) {
        if (object_) owners().fetch_add(1, std::memory_order_relaxed);
    }
    co_owned(const co_owned& other) noexcept : co_owned(other.object_) {}
    co_owned(co_owned&& moved) noexcept : object_(moved.object_) { moved.object_ = nullptr; }
    co_owned& operator=(co_owned other) noexcept {
        T* const before = object_;
        object_ = other.object_;
        other.object_ = before;
        return *this;
    }
    ~co_owned() {
        // Whoever is the last must see what the others have done to the object.
        if (object_ && owners().fetch_sub(1, std::memory_order_acq_rel) == 1) delete object_;
    }

    T* get() const noexcept { return object_; }
    T& operator*() const noexcept { return *object_; }
    T* operator->() const noexcept { return object_; }
    explicit operator bool() const noexcept { return object_ != nullptr; }

private:
    std::atomic<std::size_t>& owners() const noexcept { return static_cast<const counts_owners*>(object_)->owners_; }

    T* object_ = nullptr;
};

}  // namespace fanout::detail
