// The threads that help: they sit idle until somebody opens a call, help with it until there is nothing left to claim,
// and sit down again.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/threads/parking.hpp"
#include "fanout/threads/spin_lock.hpp"

namespace fanout::detail {

/// What a team helps with. `work` claims and runs tasks until none are left to claim; every thread that comes to help
/// calls it once, with a number of its own. The thread that opened the call is worker 0.
class shared_work {
public:
    virtual void work(int worker) noexcept = 0;

protected:
    ~shared_work() = default;
};

/// Whether this thread is running tasks of some call, so that a call that it opens is a nested one.
inline constinit thread_local bool runs_tasks = false;

/// Who may join whom, and why nothing deadlocks: the thread that opens a call works on that call and on no other, so it
/// can always finish it alone; helpers only make it faster. A nested call is helped by whoever is idle, and starts no
/// threads, so that the threads in use are those that the outermost call was given.
///
/// An open call lies on the stack of its caller. `lock_` guards the lists and the counts in the calls. A helper is
/// counted as inside from the moment that its seat is taken, under the lock, until it leaves, under the lock; the
/// caller returns when it has closed the call, so that no seat can be taken any more, and nobody is inside. The lock
/// hands everything that helpers wrote over to the caller.
class team {
public:
    using clock = parking_spot::clock;

    struct habits {
        int most_members;          // threads besides the callers
        clock::duration spin;      // how long an idle member stays awake before it sleeps
        clock::duration patience;  // how long an idle member sleeps before it leaves for good
        bool outlives_everything;  // nobody will join the members: the team is never destroyed
    };

    explicit team(const habits& how) : habits_(how) {}
    team(const team&) = delete;
    team& operator=(const team&) = delete;

    /// Ends and joins all members. Nobody may be in `run`.
    ~team() {
        member* idle = nullptr;
        {
            const std::lock_guard lock(lock_);
            dismissed_ = true;
            idle = std::exchange(idle_, nullptr);
        }
        while (idle) {
            member* const called = std::exchange(idle, idle->next_idle);
            called->spot.call();  // with no seat
        }
        for (std::thread& each : threads_) each.join();
    }

    /// Works on `work` in this thread, with up to `helpers` members at once, and returns when nobody is at it any more.
    void run(shared_work& work, int helpers) {
        open_call mine(work, helpers);
        open(mine);
        seat_helper(mine);
        {
            const bool nested = std::exchange(runs_tasks, true);
            work.work(0);
            runs_tasks = nested;
        }
        close(mine);
        last_call_.store(clock::now(), std::memory_order_relaxed);
    }

    /// Whether help would come in well under a microsecond, because a member is awake, or is worth waking, because
    /// calls come so close together that it will then still be awake for the next ones.
    bool is_lively(clock::time_point now) const noexcept {
        return now < awake_until_.load(std::memory_order_relaxed) ||
               now - last_call_.load(std::memory_order_relaxed) < habits_.spin;
    }

    /// A call was finished by its caller alone at about this time.
    void note_call(clock::time_point now) noexcept { last_call_.store(now, std::memory_order_relaxed); }

private:
    struct open_call {
        open_call(shared_work& what, int helpers) : work(what), nested(runs_tasks), seats(helpers) {}

        shared_work& work;
        const bool nested;
        int seats;       // helpers that may still join
        int inside = 0;  // helpers that have joined and not left
        int next_worker = 1;
        parking_spot* caller = nullptr;  // where the caller waits for the last helper, once it does
        open_call* next = nullptr;
    };

    struct member {
        parking_spot spot;
        open_call* seat;  // the call to help with, and as which of its workers
        int worker;
        bool sits = false;  // among the idle, or called from there
        member* next_idle = nullptr;
    };

    void open(open_call& call) noexcept {
        const std::lock_guard lock(lock_);
        call.next = std::exchange(calls_, &call);
    }

    void close(open_call& call) {
        parking_spot spot;
        {
            const std::lock_guard lock(lock_);
            open_call** link = &calls_;
            while (*link != &call) link = &(*link)->next;
            *link = call.next;
            if (call.inside == 0) return;
            call.caller = &spot;
        }
        spot.wait(habits_.spin);
    }

    /// Gets one more helper for the call, if it wants one and there is one to be had. Every helper that comes calls
    /// this first, so that nobody pays for more than one wake-up.
    void seat_helper(open_call& call) noexcept {
        member* called = nullptr;
        int worker = 0;
        {
            const std::lock_guard lock(lock_);
            if (call.seats == 0) return;
            called = std::exchange(idle_, idle_ ? idle_->next_idle : nullptr);
            if (!called && (call.nested || members_ == habits_.most_members)) return;
            worker = take_seat(call);
            if (called) {
                called->seat = &call;
                called->worker = worker;
            } else {
                ++members_;
            }
        }
        if (called)
            called->spot.call();
        else
            start_member(call, worker);
    }

    static int take_seat(open_call& call) noexcept {
        --call.seats;
        ++call.inside;
        return call.next_worker++;
    }

    void start_member(open_call& call, int worker) noexcept {
        const auto begin = [this, &call, worker] { live(call, worker); };
        try {
            if (habits_.outlives_everything) {
                std::thread(begin).detach();
            } else {
                const std::lock_guard lock(threads_lock_);
                threads_.emplace_back(begin);
            }
        } catch (...) {  // no more threads to be had: the call goes on with those that it has
            const std::lock_guard lock(lock_);
            --members_;
            --call.inside;
            call.seats = 0;
        }
    }

    void live(open_call& first, int worker) {
        runs_tasks = true;
        member me{.spot = {}, .seat = &first, .worker = worker};
        while (me.seat) {
            seat_helper(*me.seat);
            me.seat->work.work(me.worker);
            if (parking_spot* const waiting_caller = leave_seat(me)) waiting_caller->call();
            if (!me.seat && !wait_for_seat(me)) return;
        }
    }

    /// Leaves the call that is done, and takes a seat at another or sits down among the idle. The spot of the call's
    /// caller, if this was the last helper that it waits for.
    parking_spot* leave_seat(member& me) noexcept {
        const auto until = clock::now() + habits_.spin;
        const std::lock_guard lock(lock_);
        open_call& done = *me.seat;
        done.seats = 0;  // there is nothing left to claim
        parking_spot* const waiting_caller = --done.inside == 0 ? done.caller : nullptr;
        me.seat = calls_;
        while (me.seat && me.seat->seats == 0) me.seat = me.seat->next;
        if (me.seat) {
            me.worker = take_seat(*me.seat);
        } else if (!dismissed_) {
            me.sits = true;
            me.next_idle = std::exchange(idle_, &me);
            awake_until_.store(until, std::memory_order_relaxed);
        }
        return waiting_caller;
    }

    /// False: the member is to leave, because the team ends or because nobody has wanted it for so long.
    bool wait_for_seat(member& me) {
        if (!std::exchange(me.sits, false)) return false;
        while (!me.spot.wait(habits_.spin, habits_.patience))
            if (gets_up(me)) return false;
        return me.seat != nullptr;
    }

    /// False if somebody has just taken it from among the idle: then it is being called.
    bool gets_up(member& me) noexcept {
        const std::lock_guard lock(lock_);
        member** link = &idle_;
        while (*link && *link != &me) link = &(*link)->next_idle;
        if (!*link) return false;
        *link = me.next_idle;
        --members_;
        return true;
    }

    const habits habits_;
    spin_lock lock_;
    open_call* calls_ = nullptr;
    member* idle_ = nullptr;  // the last to sit down is the first to be called: it may still be awake
    int members_ = 0;
    bool dismissed_ = false;
    std::mutex threads_lock_;
    std::vector<std::thread> threads_;

    // Hints, read without the lock: at worst a small call is finished alone, or a member is woken for little.
    std::atomic<clock::time_point> awake_until_ = clock::time_point();
    std::atomic<clock::time_point> last_call_ = clock::time_point();
};

}  // namespace fanout::detail
