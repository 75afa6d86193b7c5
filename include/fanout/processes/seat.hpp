// The place of one worker, as its parent sees it. The workers change, from death to death; the place stays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "fanout/core/backend.hpp"
#include "fanout/core/clock.hpp"
#include "fanout/core/owned.hpp"
#include "fanout/processes/outgoing_tasks.hpp"
#include "fanout/processes/ring.hpp"
#include "fanout/processes/worker_process.hpp"

namespace fanout::detail {

inline constexpr std::size_t no_task = static_cast<std::size_t>(-1);

struct seat;

/// Who is waited with for a worker's next bytes.
class patient {
public:
    /// False if there will be none.
    virtual bool wait_for_bytes_of(seat& from) = 0;
    virtual void has_read_from(seat& from) = 0;

protected:
    ~patient() = default;
};

class mailbox final : public ring_reader {
public:
    mailbox(patient& owner, seat& from, const ring_memory& ring) : ring_reader(ring), owner_(owner), from_(from) {}

private:
    bool wait_for_bytes() override { return owner_.wait_for_bytes_of(from_); }
    void released() override { owner_.has_read_from(from_); }

    patient& owner_;
    seat& from_;
};

/// Why the parent itself has killed a worker.
enum class verdict : std::uint8_t { none, overdue, never_started, scribbled };

struct seat {
    seat(patient& owner, int number, const ring_memory& ring) : worker(number), mail(owner, *this, ring) {}

    int worker;
    worker_process process;
    mailbox mail;
    clock::time_point hired{};
    std::uint64_t seen = 0;  // so many unread bytes were no whole message when it was last looked
    bool ended = false;      // the process is dead, and not yet buried
    bool vacant = false;     // somebody is to be hired for it
    verdict killed_for = verdict::none;
    std::size_t overdue = no_task;

    task_range rest{};               // of the chunk that the last worker here has left
    std::size_t expected = no_task;  // the task whose message comes next, in a chunk of which some have come
    std::size_t suspect = no_task;   // this task has killed
    int deaths = 0;                  // so many workers in a row

    outgoing_tasks sent{};  // of input that is read once
    owned<seat> next{};
};

/// All of them. They stay where they are.
class seat_row {
    struct iterator {
        seat* at;
        seat& operator*() const noexcept { return *at; }
        iterator& operator++() noexcept { return at = at->next.get(), *this; }
        bool operator!=(const iterator& other) const noexcept { return at != other.at; }
    };

public:
    seat_row() = default;
    seat_row(const seat_row&) = delete;
    seat_row& operator=(const seat_row&) = delete;
    ~seat_row() { keep_before(first_.get()); }

    seat& add(patient& owner, int number, const ring_memory& ring) {
        owned<seat> added(new seat(owner, number, ring));
        seat* const at = added.get();
        (last_ ? last_->next : first_) = std::move(added);
        return *(last_ = at);
    }

    /// Those from this one on are not needed.
    void keep_before(seat* end) noexcept {
        last_ = nullptr;
        for (seat& each : *this)
            if (each.next.get() == end) last_ = &each;
        owned<seat> rest = std::move(last_ ? last_->next : first_);
        while (rest) rest = std::move(rest->next);  // one by one, since the row may be long
    }

    iterator begin() const noexcept { return {first_.get()}; }
    iterator end() const noexcept { return {nullptr}; }

private:
    owned<seat> first_;
    seat* last_ = nullptr;
};

}  // namespace fanout::detail
