// Results on their way from those who make them to the one who takes them, who is never far behind: how much may be
// claimed and not yet taken is limited, so that an endless input needs no endless memory.
#pragma once

#include <atomic>
#include <cstddef>
#include <optional>
#include <vector>

#include "fanout/core/backend.hpp"
#include "fanout/core/clock.hpp"
#include "fanout/core/exchanged.hpp"
#include "fanout/core/light_standard.hpp"
#include "fanout/core/lock.hpp"
#include "fanout/core/own_line.hpp"

namespace fanout::detail {

/// How far those who make results may run ahead of the one who takes them.
struct look_ahead {
    std::size_t n_jobs = 1;
    std::optional<std::size_t> tasks = {};  ///< at most; not set: two chunks for each job
    bool fixed_chunks = false;              ///< the user has said how large chunks are
    bool on_demand = false;                 ///< one task when it is asked for, and nobody waits
};

/// What is claimed together is a chunk: it has a slot for each result, and is used again when they have been taken.
///
/// Any threads claim, one at a time, and run; one thread takes. `InOrder`: chunks are taken as they were claimed, each
/// from its first slot on, up to a task that has left no result. Otherwise what is finished is taken first.
///
/// Whoever runs a chunk in one piece counts its slots in `filled`, so that results are not held up by a slow neighbour:
/// that is a store, and a look at whether the taker waits. The taker sleeps for a short while first and looks again, so
/// that a result that was stored just then, by somebody who did not see it waiting, is found; from then on everybody
/// sees it waiting, and wakes it. Everything else is done under the mutex.
template <class T, bool InOrder>
class result_window {
public:
    using slot = std::optional<T>;

    struct chunk {
        task_range tasks;
        std::vector<slot> slots;
        std::atomic<std::size_t> filled = 0;  // from the first on; pairs release and acquire for the slots
        std::size_t unfinished = 0;
        std::size_t given = 0;
        bool counts = false;  // as one that is ahead
        bool left = false;    // by the taker, who has all of it, to the one who is just finishing it
        chunk* next_open = nullptr;
        chunk* next = nullptr;
    };

    /// Results [first, last), the first of which is that of task `index`.
    struct batch {
        slot* first = nullptr;
        slot* last = nullptr;
        std::size_t index = 0;
    };

    explicit result_window(const look_ahead& how) : how_(how) {}

    // --- those who claim, one at a time ---------------------------------------------------------------------------

    /// How many of `most` tasks may be claimed now. Waits while that is none; 0 if `ending()`, or on demand.
    template <class Ending>
    std::size_t wait_for_room(std::size_t most, const Ending& ending) {
        unique_lock lock(mutex_);
        for (;;) {
            if (ending()) return 0;
            const std::size_t room = this->room();
            if (room > 0 || how_.on_demand) return room < most ? room : most;
            claimer_waits_ = true;
            room_.wait(lock);
            claimer_waits_ = false;
        }
    }

    /// These tasks have been claimed.
    void add(task_range tasks) {
        chunk& added = spare_chunk();
        added.tasks = tasks;
        if (added.given < added.slots.size()) added.slots.clear();  // what nobody has taken
        added.slots.resize(tasks.size());
        added.filled.store(0, std::memory_order_relaxed);
        added.unfinished = tasks.size();
        added.given = 0;
        added.counts = true;
        added.left = false;
        added.next = nullptr;
        const lock_guard lock(mutex_);
        added.next_open = exchanged(open_, &added);
        ahead_ += tasks.size();
        ++chunks_ahead_;
        if constexpr (InOrder) waiting_.push_back(added);
    }

    // --- those who run ---------------------------------------------------------------------------------------------

    /// The chunk in which these tasks are. There are about as many that are not finished as workers.
    chunk& chunk_of(task_range tasks) noexcept {
        const lock_guard lock(mutex_);
        chunk* at = open_;
        while (tasks.first < at->tasks.first || tasks.last > at->tasks.last) at = at->next_open;
        return *at;
    }

    /// Task `index`, and all before it in the chunk, have left their results.
    void note_filled(chunk& at, std::size_t index) noexcept {
        at.filled.store(index + 1 - at.tasks.first, std::memory_order_release);
        if (awaited_.value.load(std::memory_order_relaxed) <= index) call_taker_now_and_then(at);
    }

    /// So many tasks of the chunk are over, which took so long each.
    void finish(chunk& at, std::size_t tasks, nanoseconds each) noexcept {
        bool calls = false;
        {
            const lock_guard lock(mutex_);
            each_ = each_.count() > 0 ? (each_ + each) / 2 : each;
            at.unfinished -= tasks;
            if (at.unfinished > 0) return;
            std::size_t filled = at.filled.load(std::memory_order_relaxed);
            while (filled < at.slots.size() && at.slots[filled].has_value()) ++filled;
            at.filled.store(filled, std::memory_order_relaxed);
            unlink_open(at);
            if (at.left) return retire(at);
            if constexpr (!InOrder) waiting_.push_back(at);
            calls = !is_napping_ && is_awaited(at) && exchanged(taker_waits_, false);
        }
        if (calls) arrival_.notify_one();
    }

    /// Nothing will be added any more, and nobody runs.
    void end() noexcept {
        {
            const lock_guard lock(mutex_);
            over_ = true;
        }
        wake();
    }

    /// For who waits, to see whether the call is ending.
    void wake() noexcept {
        {
            const lock_guard lock(mutex_);
            taker_waits_ = false;
        }
        room_.notify_one();
        arrival_.notify_one();
    }

    // --- the one who takes -----------------------------------------------------------------------------------------

    /// Waits for results. False: there will be none, because all are taken, or a task has left none, or `ending()`.
    template <class Ending>
    bool take(batch& taken, const Ending& ending) {
        bool has_slept = false;
        unique_lock lock(mutex_);
        give_room(exchanged(in_hand_, 0));
        for (;;) {
            if (ending()) return false;
            if (chunk* const ready = next_ready()) {
                awaited_.value.store(nobody, std::memory_order_relaxed);
                taken = open_batch(*ready);
                return true;
            }
            if (over_ || broken_off_ || how_.on_demand) return false;
            if (has_slept)
                sleep_until_called(lock);
            else
                has_slept = !is_called_within_a_while(lock);
        }
    }

    /// For those who take in turns, whoever of them has a result to add: true if nobody is at it.
    bool begin_turn() noexcept {
        const lock_guard lock(mutex_);
        return !exchanged(is_taking_, true);
    }

    /// What comes next is a task that has left no result.
    bool is_broken_off() const noexcept {
        const lock_guard lock(mutex_);
        return broken_off_;
    }

    /// What there is, without waiting. False: nothing, and the turn is over.
    bool take_in_turn(batch& taken) {
        const lock_guard lock(mutex_);
        give_room(exchanged(in_hand_, 0));
        chunk* const ready = next_ready();
        if (ready)
            taken = open_batch(*ready);
        else
            is_taking_ = false;
        return ready;
    }

private:
    static constexpr std::size_t nobody = static_cast<std::size_t>(-1);
    static constexpr nanoseconds chunk_time{50'000};
    static constexpr std::size_t largest_chunk = 16'384;
    static constexpr std::size_t largest_fixed_chunk = 65'536;  // of an endless input, whatever the user says
    static constexpr clock::duration a_while = microseconds(50);

    /// Chunks, one behind the other.
    struct line {
        chunk* first = nullptr;
        chunk* last = nullptr;

        void push_back(chunk& added) noexcept {
            added.next = nullptr;
            (last ? last->next : first) = &added;
            last = &added;
        }
        chunk* pop_front() noexcept {
            chunk* const popped = first;
            if (popped) first = popped->next;
            if (!first) last = nullptr;
            return popped;
        }
    };

    // Tasks are timed with the clock's own 20 ns, so a chunk is rather too small than too large.
    std::size_t tasks_in_chunk() const noexcept {
        if (!(each_.count() > 0)) return 1;
        const double tasks = chunk_time / each_;
        return tasks < 1 ? 1 : tasks < double{largest_chunk} ? static_cast<std::size_t>(tasks) : largest_chunk;
    }

    /// How many more may be ahead.
    std::size_t left() const noexcept {
        if (how_.on_demand) return ahead_ == 0 ? 1 : 0;
        if (!how_.tasks && chunks_ahead_ < 2 * how_.n_jobs) return nobody;
        // Without a limit of the user's: small claims, one task each perhaps, count as one as far as they take no
        // longer than a chunk.
        const std::size_t most = how_.tasks ? *how_.tasks : how_.fixed_chunks ? 0 : 2 * how_.n_jobs * tasks_in_chunk();
        return ahead_ < most ? most - ahead_ : 0;
    }

    /// How many of them one may claim at once.
    std::size_t room() const noexcept {
        std::size_t largest = how_.fixed_chunks ? largest_fixed_chunk : tasks_in_chunk();
        // Whoever took all that the user allows would leave nothing to the others.
        if (how_.tasks && *how_.tasks / (2 * how_.n_jobs) < largest) largest = *how_.tasks / (2 * how_.n_jobs);
        if (largest == 0) largest = 1;
        const std::size_t left = this->left();
        return left < largest ? left : largest;
    }

    /// Wakes a claimer when there is enough to claim.
    void give_room(std::size_t tasks) noexcept {
        ahead_ -= tasks;
        if (!claimer_waits_) return;
        std::size_t enough = tasks_in_chunk();
        if (how_.tasks && *how_.tasks / 2 < enough) enough = *how_.tasks / 2;
        if (left() >= enough) room_.notify_one();
    }

    chunk& spare_chunk() {
        {
            const lock_guard lock(mutex_);
            if (chunk* const spare = spare_.pop_front()) return *spare;
        }
        return *made_.emplace_back(std::make_unique<chunk>());
    }

    void unlink_open(const chunk& finished) noexcept {
        chunk** link = &open_;
        while (*link != &finished) link = &(*link)->next_open;
        *link = finished.next_open;
    }

    /// Tiny tasks fill chunks meanwhile, so nobody need wake the taker.
    /// Who is called early, for something else, has to sleep for a while again: until then nobody calls for a result.
    bool is_called_within_a_while(unique_lock& lock) {
        const auto until = clock::now() + a_while;
        call_from_.store(until.time_since_epoch().count(), std::memory_order_relaxed);
        is_napping_ = !how_.tasks && tasks_in_chunk() > 2;
        begin_to_wait();
        const bool called = arrival_.wait_until(lock, until, [this] { return !taker_waits_; });
        taker_waits_ = false;
        is_napping_ = false;
        return called;
    }

    void sleep_until_called(unique_lock& lock) {
        begin_to_wait();
        arrival_.wait(lock, [this] { return !taker_waits_; });
    }

    void begin_to_wait() noexcept {
        taker_waits_ = true;
        awaited_.value.store(InOrder ? next_index_ : 0, std::memory_order_relaxed);
    }

    bool is_awaited(const chunk& at) const noexcept {
        return taker_waits_ && (!InOrder || (at.tasks.first <= next_index_ && next_index_ < at.tasks.last));
    }

    void call_taker_now_and_then(const chunk& at) noexcept {
        if (InOrder && at.tasks.first > awaited_.value.load(std::memory_order_relaxed)) return;
        if (clock::now().time_since_epoch().count() < call_from_.load(std::memory_order_relaxed)) return;
        bool calls = false;
        {
            const lock_guard lock(mutex_);
            calls = is_awaited(at) && exchanged(taker_waits_, false);
        }
        if (calls) arrival_.notify_one();
    }

    /// A chunk of which there is something to take.
    chunk* next_ready() noexcept {
        for (;;) {
            if (!current_) current_ = waiting_.pop_front();
            if (!current_) break;
            if (current_->given < current_->filled.load(std::memory_order_acquire)) return current_;
            const bool all_given = current_->given == current_->slots.size();
            if (current_->unfinished == 0) {
                broken_off_ = InOrder && !all_given;
                if (broken_off_) return nullptr;
                retire(*exchanged(current_, nullptr));
            } else {
                if (!all_given) break;
                exchanged(current_, nullptr)->left = true;
            }
        }
        if constexpr (!InOrder) {
            for (chunk* at = open_; at; at = at->next_open)
                if (at->given < at->filled.load(std::memory_order_acquire)) return at;
        }
        return nullptr;
    }

    batch open_batch(chunk& from) noexcept {
        const std::size_t last = from.filled.load(std::memory_order_acquire);
        const batch opened{from.slots.data() + from.given, from.slots.data() + last, from.tasks.first + from.given};
        // The first of them is taken now, the others before the next batch.
        in_hand_ = last - from.given - 1;
        from.given = last;
        next_index_ = from.tasks.first + last;
        if (last == from.slots.size()) count_as_taken(from);
        give_room(1);
        return opened;
    }

    void count_as_taken(chunk& at) noexcept {
        if (exchanged(at.counts, false)) --chunks_ahead_;
    }

    void retire(chunk& emptied) noexcept {
        count_as_taken(emptied);
        ahead_ -= emptied.slots.size() - emptied.given;  // of tasks that have failed
        spare_.push_back(emptied);
    }

    const look_ahead how_;
    std::vector<std::unique_ptr<chunk>> made_;

    mutable mutex mutex_;  // guards what follows, for moments only
    condition_variable room_;
    condition_variable arrival_;
    chunk* open_ = nullptr;  // not finished
    line waiting_;           // to be taken
    line spare_;
    chunk* current_ = nullptr;
    std::size_t next_index_ = 0;
    std::size_t ahead_ = 0;  // tasks that are claimed and not taken
    std::size_t chunks_ahead_ = 0;
    std::size_t in_hand_ = 0;  // taken when the next batch is
    nanoseconds each_;
    bool claimer_waits_ = false;
    bool taker_waits_ = false;
    bool is_napping_ = false;
    bool is_taking_ = false;
    bool broken_off_ = false;
    bool over_ = false;

    // Hints, read without the mutex by those who run; `taker_waits_` decides.
    own_line<std::atomic<std::size_t>> awaited_ = {nobody};  // the taker waits for the result of this task
    std::atomic<clock::rep> call_from_ = 0;                  // and is worth waking from this moment on
};

}  // namespace fanout::detail
