// The tasks that a worker has been sent, of an input that is read once: the one it is at, and the one after that.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "fanout/core/owned.hpp"
#include "fanout/processes/child.hpp"
#include "fanout/processes/ring.hpp"
#include "fanout/processes/task_supply.hpp"

namespace fanout::detail {

/// Two, so that the worker has something to do while the news that it is done is on its way. They are kept until they
/// are done: if the worker dies they are sent again. Never waits: what does not fit is pushed when there is room.
class outgoing_tasks {
public:
    bool wants_more() const noexcept { return !up_next_; }
    bool empty() const noexcept { return !in_hand_ || (done_ && !up_next_); }

    void add(owned<fed_task> task) noexcept { (in_hand_ ? up_next_ : in_hand_) = std::move(task); }

    /// The task that the worker is at, or will come to next; null if there is none.
    const fed_task* current() const noexcept { return done_ ? up_next_.get() : in_hand_.get(); }

    void finish_current() noexcept {
        done_ = true;
        if (sent_ > 0) shift();
    }

    /// Another worker, which has been sent nothing yet.
    void start_over() noexcept {
        if (done_) shift();
        sent_ = 0;
        offset_ = 0;
        tail_ = 0;
    }

    /// Nobody will do it.
    void drop_current() noexcept {
        start_over();
        shift();
    }

    /// True if something has been sent.
    bool push(const ring_memory& ring) noexcept {
        bool moved = false;
        while (fed_task* const task = sent_ == 0 ? in_hand_.get() : (sent_ == 1 ? up_next_.get() : nullptr)) {
            if (!push_piece(ring, *task)) break;
            moved = true;
        }
        if (moved) wake_worker(*ring.ends);
        return moved;
    }

private:
    bool push_piece(const ring_memory& ring, const fed_task& task) noexcept {
        const std::size_t left = task.bytes.size() - offset_;
        // Pairs with the store in ring_reader::release.
        const std::size_t room =
            ring.size - static_cast<std::size_t>(tail_ - ring.ends->head.load(std::memory_order_seq_cst));
        const std::size_t wanted = left < ring.longest_piece() ? (left + 7) / 8 * 8 : ring.longest_piece();
        if (room < piece::header_size + wanted) return false;
        const std::size_t start = ring.place(tail_ + piece::header_size);
        std::size_t part = left < ring.size - start ? left : ring.size - start;
        if (part > ring.longest_piece()) part = ring.longest_piece();
        const piece header{message::elements, part < left, task.index, part};
        if (part > 0) std::memcpy(ring.bytes + start, task.bytes.data() + offset_, part);
        ring.put_header(tail_, header);
        tail_ += header.size();
        ring.ends->tail.store(tail_, std::memory_order_seq_cst);  // pairs with the load in ring_reader::unread
        offset_ += part;
        if (!header.more) {
            ++sent_;
            offset_ = 0;
            if (done_) shift();
        }
        return true;
    }

    void shift() noexcept {
        in_hand_ = std::move(up_next_);
        done_ = false;
        if (sent_ > 0) --sent_;
    }

    owned<fed_task> in_hand_;
    owned<fed_task> up_next_;
    bool done_ = false;       // in_hand_ is done, and only has to be sent to its end
    int sent_ = 0;            // how many of the two have been sent as a whole,
    std::size_t offset_ = 0;  // and how much of the next
    std::uint64_t tail_ = 0;
};

}  // namespace fanout::detail
