// Things known by their text, made once and kept for ever: what has to outlive every reader of it.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace fanout::detail {

/// A T is made from a std::string and tells it as `text()`. There are at most `Most` of them, for the texts may come
/// from strangers. Thread-safe without a lock, which a fork could leave locked in the child for ever.
template <class T, std::size_t Most>
class interned {
public:
    /// The T of this text; null if there are too many.
    static const T* find(const std::string& text) {
        node* first = first_.load(std::memory_order_acquire);  // pairs with the exchange
        if (const T* known = find_from(first, nullptr, text)) return known;
        if (size_.fetch_add(1, std::memory_order_relaxed) >= Most) {
            size_.fetch_sub(1, std::memory_order_relaxed);
            return nullptr;
        }
        node* const mine = new node{T(text), first};
        while (!first_.compare_exchange_weak(mine->next, mine, std::memory_order_acq_rel, std::memory_order_acquire)) {
            // Others were faster: perhaps with the same text.
            if (const T* known = find_from(mine->next, first, text)) {
                delete mine;
                size_.fetch_sub(1, std::memory_order_relaxed);
                return known;
            }
            first = mine->next;
        }
        return &mine->value;
    }

private:
    struct node {
        T value;
        node* next;
    };

    static const T* find_from(node* from, node* to, std::string_view text) {
        for (; from != to; from = from->next)
            if (from->value.text() == text) return &from->value;
        return nullptr;
    }

    static inline std::atomic<node*> first_ = nullptr;
    static inline std::atomic<std::size_t> size_ = 0;
};

}  // namespace fanout::detail
