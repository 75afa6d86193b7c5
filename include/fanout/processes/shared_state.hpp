// The one piece of memory that a call shares with its workers. It has no name and no lock in it.
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <new>

#include "fanout/core/concat.hpp"
#include "fanout/processes/claims.hpp"
#include "fanout/processes/ring.hpp"
#include "fanout/processes/system.hpp"

namespace fanout::detail {

/// What a worker leaves about its end, as far as it still can. Written by the worker alone, and read by the parent when
/// the worker is dead.
struct last_words {
    enum class manner : std::uint32_t { none, crashed, called_exit, terminated, lost_the_bell };
    static constexpr int unknown_exit_code = INT_MIN;

    manner how;
    int signal;
    int code;  // si_code
    int exit_code;
    void* address;
    void* stack_pointer;
    int frame_count;
    void* frames[24];
    char text[600];
};

/// How far a worker has come. It only goes up.
enum class phase : std::uint32_t { started, ready, initialized, finished, retired };

/// What a worker and its parent tell each other. Each atomic has one writer.
struct slot {
    std::atomic<std::uint32_t> go;     // parent: it can watch over the worker, which sleeps on this until then
    std::atomic<phase> reached;        // worker
    std::atomic<std::uint64_t> tasks;  // worker: how many it has run

    // Worker: 2 i + 1 while it is at task i, 2 i + 2 when that is done; 0 in the beginning. Released, so that whoever
    // sees a task begin sees when.
    std::atomic<std::uint64_t> progress;
    std::atomic<std::int64_t> began;  // worker: when that was, by the steady clock; only if there is a time limit

    // Worker: it is waiting for its parent, and `began` will be put off by that time. Released, so that whoever sees it
    // go on sees the new `began`.
    std::atomic<std::uint32_t> stalled;

    ring_ends outbox;  // to the parent
    ring_ends inbox;   // from the parent; only for input that is read once
    last_words last;
};

/// When a worker began and ended a task, by the steady clock. Written by the worker; read by the parent when the
/// outcome has come, or the worker is dead.
struct clocked_task {
    std::size_t task;
    std::int64_t began, returned, handed_over;
    std::int32_t pid, worker;
};

struct shared_header {
    alignas(64) std::atomic<std::uint64_t> next;           // see claims
    alignas(64) std::atomic<std::uint32_t> parent_sleeps;  // parent sets it, workers take it back; see call_parent
    alignas(64) std::atomic<std::uint32_t> no_more_input;  // parent: what is in the inboxes is all there will be
};

/// Made before the forks: header, one lane for each worker, owners of the chunks, flat results.
class shared_state {
public:
    struct measures {
        int workers = 1;
        std::size_t ring_size = 1 << 20;
        bool inboxes = false;
        std::size_t tasks = 0;
        std::size_t chunk = 1;
        std::size_t flat_size = 0;  // of one result; 0: all results are written
        bool clocks = false;        // workers note when they begin and end a task
    };

    explicit shared_state(const measures& how)
        : how_(how),
          lane_size_(whole_pages(whole_pages(sizeof(slot)) + how.ring_size * (how.inboxes ? 2 : 1))),
          lanes_at_(whole_pages(sizeof(shared_header))),
          owners_at_(lanes_at_ + lane_size_ * static_cast<std::size_t>(how.workers)),
          clocks_at_(owners_at_ + whole_pages(claims::chunks_of(how.tasks, how.chunk) * sizeof(claims::owner))),
          flat_at_(clocks_at_ + whole_pages(clock_bytes())),
          pages_(size_with_flat()) {
        if (!pages_ && how_.flat_size > 0) {  // results can go through the rings as well
            how_.flat_size = 0;
            pages_ = shared_pages(flat_at_);
        }
        if (!pages_)
            throw_system_error(
                errno,
                concat({"fanout: processes could not get ", std::to_string(flat_at_ >> 20),
                        " MB of memory to share with ", std::to_string(how.workers), " workers; use a smaller n_jobs",
                        how.clocks ? ", or leave out trace and summarize, for which the times of every task are kept"
                                   : ""}));
    }

    shared_header& header() const noexcept { return *at<shared_header>(0); }
    slot& slot_of(int worker) const noexcept { return *at<slot>(lane(worker)); }

    ring_memory outbox(int worker) const noexcept {
        return {&slot_of(worker).outbox, at<std::byte>(lane(worker) + whole_pages(sizeof(slot))), how_.ring_size};
    }
    ring_memory inbox(int worker) const noexcept {
        return {&slot_of(worker).inbox, at<std::byte>(lane(worker) + whole_pages(sizeof(slot)) + how_.ring_size),
                how_.ring_size};
    }
    claims tasks() const noexcept {
        return {header().next, at<std::atomic<claims::owner>>(owners_at_), how_.tasks, how_.chunk};
    }

    /// A worker that is sent its tasks has few of them on the way at once.
    static constexpr std::size_t clocks_per_worker = 4;

    /// Where the worker notes the times of a task: one of its own few places, or that of the task. Null if nobody wants
    /// to know.
    clocked_task* clock_of(int worker, std::size_t place) const noexcept {
        if (!how_.clocks) return nullptr;
        if (how_.inboxes) place = static_cast<std::size_t>(worker) * clocks_per_worker + place % clocks_per_worker;
        return at<clocked_task>(clocks_at_) + place;
    }

    std::size_t flat_size() const noexcept { return how_.flat_size; }
    bool has_flat_results() const noexcept { return how_.flat_size > 0; }
    void* flat_result(std::size_t task) const noexcept { return at<std::byte>(flat_at_ + task * how_.flat_size); }

    /// Makes the slot as it was in the beginning, for the next worker. Its last one is dead.
    void clear(int worker) const noexcept { new (&slot_of(worker)) slot(); }

    /// In a worker: what belongs to its siblings is out of its reach from now on, should it begin to scribble.
    void keep_only(int worker) const noexcept {
        const std::size_t own = lane(worker);
        if (own > lanes_at_) mprotect(at<void>(lanes_at_), own - lanes_at_, PROT_NONE);
        const std::size_t behind = own + lane_size_;
        if (behind < owners_at_) mprotect(at<void>(behind), owners_at_ - behind, PROT_NONE);
    }

private:
    std::size_t size_with_flat() const noexcept {
        std::size_t size = 0;
        if (__builtin_mul_overflow(how_.tasks, how_.flat_size, &size) || __builtin_add_overflow(size, flat_at_, &size))
            return static_cast<std::size_t>(-1);
        return size;
    }
    std::size_t clock_bytes() const noexcept {
        if (!how_.clocks) return 0;
        const std::size_t clocks =
            how_.inboxes ? static_cast<std::size_t>(how_.workers) * clocks_per_worker : how_.tasks;
        constexpr std::size_t never_to_be_had = static_cast<std::size_t>(-1) / 4;
        return clocks < never_to_be_had / sizeof(clocked_task) ? clocks * sizeof(clocked_task) : never_to_be_had;
    }
    std::size_t lane(int worker) const noexcept { return lanes_at_ + lane_size_ * static_cast<std::size_t>(worker); }

    // Zeroed pages are valid objects of all these types: they are what clear() makes, or plain numbers.
    template <class T>
    T* at(std::size_t offset) const noexcept {
        return static_cast<T*>(static_cast<void*>(pages_.data() + offset));
    }

    measures how_;
    std::size_t lane_size_, lanes_at_, owners_at_, clocks_at_, flat_at_;
    shared_pages pages_;
};

/// For who has something for the parent to see. The parent says that it sleeps and then looks once more; a worker has
/// stored what there is to see and then looks whether the parent sleeps, both sequentially consistent. So one of them
/// sees the other. A worker that is killed between taking the flag back and ringing wakes the parent with its death.
/// False: the bell has been taken away.
inline bool call_parent(shared_header& header, const bell& parent) noexcept {
    if (header.parent_sleeps.load(std::memory_order_seq_cst) == 0) return true;
    if (header.parent_sleeps.exchange(0, std::memory_order_seq_cst) == 0) return true;
    return parent.ring();
}

}  // namespace fanout::detail
