// error: fanout: this range can be read only once, so its elements are kept until their tasks run
#include <cstddef>
#include <fanout/fanout.hpp>
#include <iterator>
#include <memory>
#include <vector>

using fanout::delayed, fanout::parallel;

using element = std::unique_ptr<int>;

/// Overwrites its one element with the next.
template <class Reference>
struct numbers {
    struct iterator {
        using value_type = element;
        using difference_type = std::ptrdiff_t;
        numbers* from;
        Reference operator*() const { return static_cast<Reference>(from->current); }
        iterator& operator++() {
            from->current = std::make_unique<int>(++from->read);
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t) const { return from->read == 3; }
    };
    iterator begin() { return {this}; }
    std::default_sentinel_t end() { return {}; }

    element current = std::make_unique<int>(0);
    int read = 0;
};

std::vector<int> f() {
    const auto value = [](const element& each) { return *each; };
#ifndef CORRECTED
    return parallel(2)(delayed(value), numbers<element&>());
#else
    return parallel(2)(delayed(value), numbers<element&&>());
#endif
}
