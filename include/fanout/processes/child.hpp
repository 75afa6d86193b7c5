// A worker, from the inside: claims tasks, or is sent them, runs them, and hands over what came of them.
#pragma once

#include <signal.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "fanout/core/backend.hpp"
#include "fanout/core/clock.hpp"
#include "fanout/core/cpu_count.hpp"
#include "fanout/core/current_worker.hpp"
#include "fanout/core/describe.hpp"
#include "fanout/core/portable_tasks.hpp"
#include "fanout/core/thread_budget.hpp"
#include "fanout/processes/child_setup.hpp"
#include "fanout/processes/fault_point.hpp"
#include "fanout/processes/last_words.hpp"
#include "fanout/processes/other_libraries.hpp"
#include "fanout/processes/ring.hpp"
#include "fanout/processes/settings.hpp"
#include "fanout/processes/shared_state.hpp"
#include "fanout/processes/watch_list.hpp"

namespace fanout::detail {

/// What a worker is told by being forked.
struct worker_orders {
    portable_tasks& tasks;
    const shared_state& shared;
    const bell& parent_bell;
    const process_settings& settings;
    pid_t parent;
    int worker;
    task_range first_of_all;     // the rest of a chunk that its predecessor has left, which it owns already
    bool keeps_time;             // the parent wants to know when tasks begin
    bool is_fed;                 // the tasks come through the inbox
    const watch_list& to_close;  // descriptors of the parent's that are none of its business
    bool parent_is_alone;        // no other thread of its could write anything while it forked
};

/// Looks for so long whether something has moved, before going to sleep.
template <class Moved>
bool moved_soon(const Moved& moved, clock::duration longest = microseconds(20)) {
    const auto until = clock::now() + longest;
    do {
        for (int i = 0; i < 32; ++i)
            if (moved()) return true;
    } while (clock::now() < until);
    return false;
}

class child final {
public:
    /// Never returns, and ends the process without a trace of the program's own exit handlers.
    [[noreturn]] static void live(const worker_orders& orders, const sigset_t& mask) noexcept {
        const worker_frame frame(orders.settings.first_slot + orders.worker, orders.settings.n_jobs,
                                 orders.settings.backend, worker_frame::depth_of_call());
        thread_budget threads(orders.settings.inner_threads, thread_budget::of_a_process());
        budget_here = &threads;
        call_here = nullptr;
        slot& mine = orders.shared.slot_of(orders.worker);
        prepare(orders, mine, mask);
        child me(orders, mine);
        me.initialize();
        orders.is_fed ? me.work_off_inbox() : me.work_off_claims();
        me.leave(phase::finished);
    }

private:
    child(const worker_orders& orders, slot& mine)
        : orders_(orders),
          slot_(mine),
          tasks_(orders.shared.tasks()),
          name_(claims::name_of(orders.worker)),
          outbox_(*this, orders.shared.outbox(orders.worker)),
          inbox_(*this, orders.shared.inbox(orders.worker)) {}

    static void prepare(const worker_orders& orders, slot& mine, const sigset_t& mask) noexcept {
        die_with(orders.parent);
        while (mine.go.load(std::memory_order_acquire) == 0) sleep_on(mine.go, 0, 1000);  // pairs with start_worker
        FANOUT_FAULT_POINT(at_start);
        for (std::size_t i = 0; i < orders.to_close.size(); ++i) close(orders.to_close[i]);
        forget_output(!orders.parent_is_alone);
        orders.shared.keep_only(orders.worker);
        take_back_signal_handlers();
        leave_last_words_in(mine.last);
        ++own_worker.depth;
        pthread_sigmask(SIG_SETMASK, &mask, nullptr);
        be_first_to_go();
        limit_cpus(orders.settings.inner_threads);
        limit_library_threads(orders.settings.inner_threads);
    }

    void initialize() noexcept {
        slot_.reached.store(phase::ready, std::memory_order_release);
        if (orders_.settings.memory_limit) fence_.put_up(*orders_.settings.memory_limit);
        if (orders_.settings.initializer && *orders_.settings.initializer) {
            try {
                (*orders_.settings.initializer)();
            } catch (...) {
                hand_over_exception(message::initializer_failed, message::initializer_text, 0);
                leave(phase::finished);
            }
        }
        slot_.reached.store(phase::initialized, std::memory_order_release);
    }

    void work_off_claims() noexcept {
        if (orders_.first_of_all) run_all_of(orders_.first_of_all);
        while (const auto chunk = tasks_.claim(name_, swept_)) {
            FANOUT_FAULT_POINT(after_claim);
            run_all_of(tasks_.tasks_of(*chunk));
        }
    }

    void run_all_of(task_range tasks) noexcept {
        const bool flat = orders_.shared.has_flat_results();
        for (std::size_t i = tasks.first; i < tasks.last; ++i) {
            if (has_done_its_share()) leave(phase::retired);
            run_one(i, flat ? orders_.shared.flat_result(i) : nullptr, nullptr);
        }
        // Written results finish their chunk when they arrive.
        if (flat) tasks_.finish(tasks_.chunk_of(tasks.first));
        FANOUT_FAULT_POINT(after_chunk);
    }

    void work_off_inbox() noexcept {
        while (inbox_.has_message()) {
            if (has_done_its_share()) leave(phase::retired);
            const std::size_t index = inbox_.open_message();
            run_one(index, nullptr, &inbox_);
            inbox_.close_message();
        }
    }

    /// A child that the task has forked, and that has come back from it, has nothing to hand over.
    static void leave_if_forked() noexcept {
        if (!own_worker.last) _exit(0);
    }

    static std::int64_t time_now() noexcept { return clock::now().time_since_epoch().count(); }

    static void note_return() noexcept {
        leave_if_forked();
        returned_at_ = time_now();
    }

    /// Before the outcome is on its way, so that whoever has it can read this.
    static void note_end(clocked_task& of, std::int64_t returned) noexcept {
        of.handed_over = time_now();
        of.returned = returned;
    }

    bool has_done_its_share() const noexcept {
        return orders_.settings.max_tasks && run_ >= static_cast<std::uint64_t>(*orders_.settings.max_tasks);
    }

    void run_one(std::size_t index, void* place, byte_source* elements) noexcept {
        if (orders_.keeps_time) slot_.began.store(clock::now().time_since_epoch().count(), std::memory_order_relaxed);
        slot_.stalled.store(0, std::memory_order_relaxed);  // a predecessor may have died in it
        slot_.progress.store(2 * index + 1, std::memory_order_release);
        FANOUT_FAULT_POINT(before_task);
        clocked_task* const clocked = orders_.shared.clock_of(orders_.worker, elements ? run_ : index);
        if (clocked) *clocked = {index, time_now(), 0, 0, getpid(), orders_.worker};
        try {
            if (!place) outbox_.begin(message::result, index);
            orders_.tasks.run_task({index, orders_.worker, elements, place, clocked ? note_return : leave_if_forked},
                                   outbox_);
            FANOUT_FAULT_POINT(before_result);
            if (clocked) note_end(*clocked, returned_at_);
            if (!place) outbox_.finish();
        } catch (...) {
            leave_if_forked();
            if (clocked) note_end(*clocked, time_now());
            hand_over_exception(message::exception, message::text, index);
        }
        FANOUT_FAULT_POINT(after_task);
        slot_.tasks.store(++run_, std::memory_order_relaxed);
        slot_.progress.store(2 * index + 2, std::memory_order_release);
    }

    /// While it is being handled. `otherwise`: if it cannot be written.
    void hand_over_exception(message kind, message otherwise, std::size_t index) noexcept {
        fence_.lift();
        outbox_.abandon();
        if (!wrote_exception(kind, index)) {
            const std::string type = current_exception_type();
            const std::string text = current_exception_text();
            outbox_.begin(otherwise, index);
            outbox_.write(type.c_str(), type.size() + 1);
            outbox_.write(text.data(), text.size());
            outbox_.finish();
        }
        fence_.restore();
    }

    bool wrote_exception(message kind, std::size_t index) noexcept {
        try {
            outbox_.begin(kind, index);
            orders_.tasks.write_exception(outbox_);
            outbox_.finish();
            return true;
        } catch (...) {
            outbox_.abandon();
            return false;
        }
    }

    [[noreturn]] void leave(phase how) noexcept {
        before_leaving();
        FANOUT_FAULT_POINT(at_end);
        slot_.reached.store(how, std::memory_order_release);
        _exit(0);
    }

    /// `tidy`: there is nothing half done. Then a task that has taken the bell away costs no more than this worker,
    /// whose end wakes the parent as well.
    void call_parent(bool tidy) noexcept {
        if (detail::call_parent(orders_.shared.header(), orders_.parent_bell)) return;
        tidy ? leave(phase::retired) : lose_bell();
    }

    [[noreturn]] void lose_bell() noexcept {
        slot_.last.how = last_words::manner::lost_the_bell;
        _exit(1);
    }

    void sleep_on_ring(ring_ends& ends) const noexcept {
        sleep_on(ends.worker_waits, 1, 1000);
        if (getppid() != orders_.parent) _exit(0);
    }

    /// As long as it lives the worker waits for its parent, for which its task is not to blame.
    class stalled_time {
    public:
        explicit stalled_time(slot& worker) noexcept : worker_(worker), since_(clock::now()) {
            worker_.stalled.store(1, std::memory_order_relaxed);
        }
        stalled_time(const stalled_time&) = delete;
        stalled_time& operator=(const stalled_time&) = delete;
        ~stalled_time() {
            const auto began = worker_.began.load(std::memory_order_relaxed);
            worker_.began.store(began + (clock::now() - since_).count(), std::memory_order_relaxed);
            worker_.stalled.store(0, std::memory_order_release);  // pairs with the load in watch_the_time
        }

    private:
        slot& worker_;
        const clock::time_point since_;
    };

    class outgoing final : public ring_writer {
    public:
        outgoing(child& owner, const ring_memory& ring) noexcept : ring_writer(ring), owner_(owner) {}

    private:
        void wait_for_room(std::size_t bytes) override {
            const auto fits = [&] { return room() >= bytes; };
            const stalled_time not_the_tasks(owner_.slot_);
            // Whether or not it sleeps: it may be gathering results, and this one is waiting.
            if (!owner_.orders_.parent_bell.ring()) owner_.lose_bell();
            if (!moved_soon(fits)) {
                std::atomic<std::uint32_t>& waits = ring().ends->worker_waits;
                for (;;) {
                    waits.store(1, std::memory_order_seq_cst);  // pairs with wake_worker; and see ring_ends
                    if (fits()) break;
                    owner_.sleep_on_ring(*ring().ends);
                }
                waits.store(0, std::memory_order_relaxed);
            }
        }

        void published(bool whole) override {
            FANOUT_FAULT_POINT(after_publishing);
            if (whole || room() < ring().size / 2) owner_.call_parent(whole);
        }

        child& owner_;
    };

    class incoming final : public ring_reader {
    public:
        incoming(child& owner, const ring_memory& ring) noexcept : ring_reader(ring), owner_(owner) {}

        bool has_message() { return wait_for_bytes(); }

        std::size_t open_message() {
            piece first;
            const waiting found = look(first);
            open(found);
            return static_cast<std::size_t>(first.index);
        }

        void close_message() { skip_rest(); }

    private:
        /// False: there will be no more.
        bool wait_for_bytes() override {
            const auto there = [this] { return unread() > 0; };
            if (moved_soon(there, owner_.orders_.settings.spin)) return true;
            const stalled_time not_the_tasks(owner_.slot_);  // that of its elements, if it has begun
            std::atomic<std::uint32_t>& waits = ring().ends->worker_waits;
            for (;;) {
                waits.store(1, std::memory_order_seq_cst);  // pairs with wake_worker; and see ring_ends
                if (there()) break;
                if (owner_.orders_.shared.header().no_more_input.load(std::memory_order_seq_cst)) break;
                owner_.sleep_on_ring(*ring().ends);
            }
            waits.store(0, std::memory_order_relaxed);
            return there();
        }

        void released() override { owner_.call_parent(owner_.slot_.progress.load(std::memory_order_relaxed) % 2 == 0); }

        child& owner_;
    };

    static inline std::int64_t returned_at_ = 0;  // the task that is being run, if anybody wants to know

    const worker_orders& orders_;
    slot& slot_;
    claims tasks_;
    const claims::owner name_;
    std::size_t swept_ = 0;
    std::uint64_t run_ = 0;
    memory_fence fence_;
    outgoing outbox_;
    incoming inbox_;
};

/// In the parent, which has moved its end of this ring: its worker may sleep.
inline void wake_worker(ring_ends& ends) noexcept {
    if (ends.worker_waits.load(std::memory_order_seq_cst) && ends.worker_waits.exchange(0))
        wake_sleepers_on(ends.worker_waits);
}

}  // namespace fanout::detail
