// A pointer that owns what it points to: what std::unique_ptr is, for a tenth of the time that it takes to compile.
#pragma once

namespace fanout::detail {

template <class T>
class owned {
public:
    owned() = default;
    explicit owned(T* object) noexcept : object_(object) {}
    owned(owned&& moved) noexcept : object_(moved.object_) { moved.object_ = nullptr; }
    owned& operator=(owned&& moved) noexcept {
        T* const before = object_;
        T* const next = moved.object_;
        moved.object_ = nullptr;
        object_ = next;
        delete before;  // last, since what was moved may have been in it
        return *this;
    }
    ~owned() { delete object_; }

    T* get() const noexcept { return object_; }
    T& operator*() const noexcept { return *object_; }
    T* operator->() const noexcept { return object_; }
    explicit operator bool() const noexcept { return object_ != nullptr; }

private:
    T* object_ = nullptr;
};

}  // namespace fanout::detail
