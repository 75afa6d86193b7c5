// Input that can be read only once, written by hand: its iterator can be moved but not copied.
#pragma once

#include <cstddef>
#include <iterator>
#include <utility>

/// Gives `next(0)`, `next(1)`, ... as far as `ended(i)` is false. Both may throw; so may `step(i)`, called in ++.
template <class Next, class Ended, class Step>
class generator {
public:
    class iterator {
    public:
        using value_type = std::remove_cvref_t<decltype(std::declval<const Next&>()(0))>;
        using difference_type = std::ptrdiff_t;

        explicit iterator(const generator& from) : from_(&from) {}
        iterator(iterator&&) = default;
        iterator& operator=(iterator&&) = default;

        decltype(auto) operator*() const { return from_->next_(at_); }
        iterator& operator++() {
            from_->step_(at_);
            ++at_;
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t) const { return from_->ended_(at_); }

    private:
        const generator* from_;
        int at_ = 0;
    };

    generator(Next next, Ended ended, Step step)
        : next_(std::move(next)), ended_(std::move(ended)), step_(std::move(step)) {}

    iterator begin() const { return iterator(*this); }
    std::default_sentinel_t end() const { return {}; }

private:
    Next next_;
    Ended ended_;
    Step step_;
};

template <class Next>
auto generate(int size, Next next) {
    return generator(std::move(next), [size](int i) { return i == size; }, [](int) {});
}

template <class Next>
auto generate_for_ever(Next next) {
    return generator(std::move(next), [](int) { return false; }, [](int) {});
}
