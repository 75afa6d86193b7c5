// The threads that help: they sit idle until somebody opens a call, help with it until there is nothing left to claim,
// and sit down again.
#pragma once

#include <sched.h>

#include <atomic>
#include <utility>
#include <vector>

#include "fanout/core/clock.hpp"
#include "fanout/core/deferred.hpp"
#include "fanout/core/exchanged.hpp"
#include "fanout/core/light_standard.hpp"
#include "fanout/core/lock.hpp"
#include "fanout/core/owned.hpp"
#include "fanout/core/plain_thread.hpp"
#include "fanout/core/thread_budget.hpp"
#include "fanout/threads/choice_of_cpu.hpp"
#include "fanout/threads/parking.hpp"
#include "fanout/threads/readiness.hpp"
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

/// Who helps whom, and why nothing deadlocks: the thread that opens a call works on that call and on no other, so it
/// can always finish it alone; helpers only make it faster. Every helper takes one thread from the budget of the
/// outermost call, and gives it back when it leaves: where all are busy a nested call goes on in its caller, and
/// whoever gets free comes to help. So does a caller while it waits for its helpers, but only calls inside of its own:
/// those end before that one does, so they keep it from nothing.
///
/// An open call lies on the stack of its caller; `lock_` guards the lists and the counts in it. A member that is called
/// to help is given a seat at the call, under the lock, and takes it with an exchange when it comes. The caller, when
/// there is nothing left to claim, closes the call under the lock: no more seats are given, and those that nobody has
/// taken yet are taken back by the same exchange, so that it never waits for a thread that has not woken up. Then it
/// waits for those inside, who leave under the lock, which hands over to the caller everything that they wrote.
template <class Clock>
class basic_team {
    using duration = typename Clock::duration;
    using time_point = typename Clock::time_point;
    using parking_spot = basic_parking_spot<Clock>;
    using readiness = basic_readiness<Clock>;

public:
    struct habits {
        int most_members;          // threads besides the callers
        duration spin;             // how long an idle member stays awake at least before it sleeps; zero: never
        duration patience;         // how long an idle member sleeps before it leaves for good
        bool outlives_everything;  // nobody will join the members: the team is never destroyed
    };

    explicit basic_team(const habits& how) : habits_(how) {}
    basic_team(const basic_team&) = delete;
    basic_team& operator=(const basic_team&) = delete;

    /// Ends and joins all members. Nobody may be in `run`.
    ~basic_team() {
        dismissed_.store(true, std::memory_order_release);  // pairs with the load in take_seat
        {
            const lock_guard lock(lock_);
            for (member* each = idle_; each; each = each->next_idle) each->spot.call();
        }
        for (plain_thread& each : threads_) each.join();
    }

    /// Works on `work` in this thread, with up to `helpers` members at once, and returns when nobody is at it any more.
    /// `may_be_short`: it can be over before two threads have shared it.
    void run(shared_work& work, int helpers, bool may_be_short = false) {
        const call_scope scope(helpers + 1);
        open_call mine(work, helpers, *budget_here, may_be_short);
        open(mine);
        seat_helper(mine);
        work_on(mine, 0);
        close(mine);
        note_call(Clock::now());
    }

    /// Whether help would come in well under a microsecond, because a member is awake, or is worth waking, because
    /// calls come so close together that it will then still be awake for the next ones.
    bool is_lively(time_point now) const noexcept {
        return now < awake_until_.load(std::memory_order_relaxed) ||
               now - last_call_.load(std::memory_order_relaxed) < habits_.spin;
    }

    /// A call ended at about this time.
    void note_call(time_point now) noexcept { last_call_.store(now, std::memory_order_relaxed); }

private:
    struct member;

    struct open_call {
        open_call(shared_work& what, int helpers, thread_budget& threads, bool perhaps_short)
            : work(what),
              budget(threads),
              parent(static_cast<open_call*>(call_here)),
              may_be_short(perhaps_short),
              seats(helpers) {}

        bool may_have_another() noexcept { return seats > 0 && budget.take(); }

        shared_work& work;
        thread_budget& budget;
        open_call* const parent;  // in one of whose tasks it was made
        const bool may_be_short;
        int seats;  // helpers that may still be called
        int next_worker = 1;
        member* seated = nullptr;     // those that have been given a seat and have not left
        member* caller = nullptr;     // as which the caller waits for the last helper, once it does
        bool caller_is_idle = false;  // it has no call inside to help
        open_call* next = nullptr;
    };

    struct member {
        parking_spot spot;
        // One cache line, which goes to and fro between the member and who calls it.
        alignas(64) std::atomic<open_call*> seat = nullptr;  // given by who calls; taken by the member, or taken back
        std::atomic<int> calls_on_the_way = 0;
        readiness ready;
        int worker = 0;               // as which it helps
        bool brings_another = false;  // whether the call wants still more helpers
        open_call* helps = nullptr;   // where it is counted among the helpers
        member* next_idle = nullptr;
        member* next_helper = nullptr;
        member* previous_helper = nullptr;
        choice_of_cpu cpus;
        basic_team* home = nullptr;
        pthread_t thread = {};
    };

    void open(open_call& call) noexcept {
        const lock_guard lock(lock_);
        call.next = exchanged(calls_, &call);
    }

    void close(open_call& call) {
        {
            const lock_guard lock(lock_);
            open_call** link = &calls_;
            while (*link != &call) link = &(*link)->next;
            *link = call.next;
            take_back_seats(call);
            if (!call.seated) return;
        }
        wait_for_helpers(call);
    }

    void wait_for_helpers(open_call& call) {
        member me;
        open_call* inner = nullptr;
        for (;;) {
            {
                const lock_guard lock(lock_);
                call.caller = &me;
                if (!call.seated) break;
                inner = open_inside(call);
                if (inner) add_helper(*inner, me);
                call.caller_is_idle = !inner;
            }
            if (inner)
                help(*inner, me);
            else
                me.spot.wait(habits_.spin);
        }
        // Who is about to call it up must find it. Pairs with call_up.
        while (me.calls_on_the_way.load(std::memory_order_acquire) > 0) sched_yield();
    }

    /// A call inside of this one that wants help. The caller takes nothing from the budget for it: it has its own
    /// thread.
    open_call* open_inside(const open_call& outer) const noexcept {
        const auto is_inside = [&](const open_call& call) {
            const open_call* around = call.parent;
            while (around && around != &outer) around = around->parent;
            return around != nullptr;
        };
        open_call* call = calls_;
        while (call && !(call->seats > 0 && is_inside(*call))) call = call->next;
        return call;
    }

    void help(open_call& inner, member& me) {
        if (me.brings_another) seat_helper(inner);
        work_on(inner, me.worker);
        member* last_waits = nullptr;
        {
            const lock_guard lock(lock_);
            inner.seats = 0;  // there is nothing left to claim
            unlink_helper(me);
            last_waits = who_waits_for_the_last_of(inner);
        }
        if (last_waits) call_up(*last_waits);
    }

    static void work_on(open_call& call, int worker) noexcept {
        void* const before = exchanged(call_here, &call);
        call.work.work(worker);
        call_here = before;
    }

    /// The nearest caller of a call around this one that has nothing to do but wait for helpers: to be called up.
    static member* idle_caller_around(const open_call& call) noexcept {
        open_call* around = call.parent;
        while (around && !around->caller_is_idle) around = around->parent;
        if (!around) return nullptr;
        around->caller_is_idle = false;
        around->caller->calls_on_the_way.fetch_add(1, std::memory_order_relaxed);
        return around->caller;
    }

    /// To be called up, as soon as the lock is released; null if there are helpers left, or nobody is waiting yet.
    member* who_waits_for_the_last_of(open_call& done) noexcept {
        if (done.seated || !done.caller) return nullptr;
        done.caller->calls_on_the_way.fetch_add(1, std::memory_order_relaxed);
        return done.caller;
    }

    /// It has been counted in `calls_on_the_way` under the lock, and cannot be gone before.
    static void call_up(member& whom, bool kept_off_a_cpu = false) noexcept {
        whom.spot.call();
        if (kept_off_a_cpu) whom.cpus.allow_all(whom.thread);
        whom.calls_on_the_way.fetch_sub(1, std::memory_order_release);
    }

    void take_back_seats(open_call& call) noexcept {
        call.seats = 0;
        for (member* each = call.seated; each;) {
            member& called = *exchanged(each, each->next_helper);
            open_call* seat = &call;
            if (!called.seat.compare_exchange_strong(seat, nullptr, std::memory_order_relaxed))
                continue;  // it has come
            remove_helper(called);
            sit_down(called);
        }
    }

    /// Calls one more helper, if the call wants one and there is one to be had. Every helper that comes does this
    /// first, so that nobody pays for more than one wake-up.
    void seat_helper(open_call& call) noexcept {
        member* called = nullptr;
        member* idle_caller = nullptr;
        bool is_new = false;
        {
            const lock_guard lock(lock_);
            if (call.seats == 0) return;
            idle_caller = idle_caller_around(call);
            if (call.may_have_another()) {
                if (idle_) {
                    called = exchanged(idle_, idle_->next_idle);
                    called->calls_on_the_way.fetch_add(1, std::memory_order_relaxed);
                    give_seat(call, *called);
                } else if (members_ == habits_.most_members) {
                    call.budget.give_back();
                } else {
                    ++members_;
                    is_new = true;
                }
            }
        }
        if (idle_caller) call_up(*idle_caller);
        if (called) {
            // It may have come already: it was only just sitting down.
            const bool still_rests = called->seat.load(std::memory_order_relaxed) != nullptr;
            call_up(*called, still_rests && called->cpus.avoid_callers(called->thread));
        }
        if (is_new) add_member(call);
    }

    void give_seat(open_call& call, member& helper) noexcept {
        add_helper(call, helper);
        if (call.may_be_short) helper.ready.note_short_call();
        // Release, for the number and the lists: pairs with the member's exchange when it takes the seat.
        helper.seat.store(&call, std::memory_order_release);
    }

    /// It has been granted a thread of the budget, until `remove_helper`.
    void add_helper(open_call& call, member& helper) noexcept {
        --call.seats;
        helper.helps = &call;
        helper.worker = call.next_worker++;
        helper.brings_another = call.seats > 0;
        helper.previous_helper = nullptr;
        helper.next_helper = exchanged(call.seated, &helper);
        if (helper.next_helper) helper.next_helper->previous_helper = &helper;
    }

    void remove_helper(member& helper) noexcept {
        unlink_helper(helper);
        helper.helps->budget.give_back();
    }

    void unlink_helper(member& helper) noexcept {
        (helper.previous_helper ? helper.previous_helper->next_helper : helper.helps->seated) = helper.next_helper;
        if (helper.next_helper) helper.next_helper->previous_helper = helper.previous_helper;
    }

    void sit_down(member& tired) noexcept { tired.next_idle = exchanged(idle_, &tired); }

    /// One thread more. It is given its seat when it is there, if the call still wants it then.
    void add_member(open_call& call) noexcept {
        member* added = nullptr;
        try {
            added = start_member();
        } catch (...) {  // no more threads to be had: the call goes on with those that it has
            const lock_guard lock(lock_);
            --members_;
            call.seats = 0;
            return call.budget.give_back();
        }
        const bool kept_off_a_cpu = added->cpus.avoid_callers(added->thread);
        {
            const lock_guard lock(lock_);
            added->calls_on_the_way.fetch_add(1, std::memory_order_relaxed);
            if (call.seats > 0) {
                give_seat(call, *added);
            } else {
                call.budget.give_back();
                sit_down(*added);
            }
        }
        call_up(*added, kept_off_a_cpu);
    }

    member* start_member() {
        const lock_guard lock(threads_lock_);
        if (!left_) left_ = made_.emplace_back(new member()).get();
        member& added = *left_;
        added.home = this;
        if (!habits_.outlives_everything) threads_.reserve(threads_.size() + 1);  // so that a thread cannot be lost
        plain_thread started(live_as, &added);
        added.thread = started.handle();
        if (habits_.outlives_everything)
            started.detach();
        else
            threads_.push_back(std::move(started));
        left_ = added.next_idle;
        return &added;
    }

    static void* live_as(void* me) {
        const own_thread_mark mark;
        static_cast<member*>(me)->home->live(*static_cast<member*>(me));
        return nullptr;
    }

    void live(member& me) {
        while (open_call* call = take_seat(me)) {
            me.cpus.note_work();
            const time_point began = Clock::now();
            while (call) {
                budget_here = &call->budget;
                if (me.brings_another) seat_helper(*call);
                work_on(*call, me.worker);
                call = leave(me, *call);
            }
            me.ready.note_help(Clock::now() - began);
            budget_here = nullptr;
        }
    }

    /// Waits for a seat, and takes it. None: the member is to leave, because the team ends or nobody has wanted it for
    /// too long. A member may be called for nothing, when its seat has been taken back before it came.
    open_call* take_seat(member& me) {
        for (bool called = false;;) {
            if (called) me.ready.let_short_calls_end();
            if (open_call* const seat = me.seat.exchange(nullptr, std::memory_order_acquire)) return seat;
            if (called) me.cpus.note_work();  // called for nothing: what was forbidden meanwhile is allowed again
            if (dismissed_.load(std::memory_order_acquire)) return nullptr;
            if (open_call* const other = called ? find_seat(me) : nullptr) return other;
            const duration awake = me.ready.stays_awake(habits_.spin);
            awake_until_.store(Clock::now() + awake, std::memory_order_relaxed);
            me.cpus.note_rest();
            called = me.spot.wait(awake, habits_.patience);
            if (!called && gets_up(me)) {
                leave_for_good(me);
                return nullptr;
            }
        }
    }

    /// Called for nothing: but meanwhile another call may have been opened that found nobody idle.
    open_call* find_seat(member& me) noexcept {
        const lock_guard lock(lock_);
        open_call* const other = wanting_help();
        if (!other) return nullptr;
        if (!unlink_idle(me)) return other->budget.give_back(), nullptr;
        add_helper(*other, me);
        return other;
    }

    /// A call that may have one helper more, who is granted a thread of its budget.
    open_call* wanting_help() const noexcept {
        open_call* call = calls_;
        while (call && !call->may_have_another()) call = call->next;
        return call;
    }

    /// Leaves the call that is done, for another that wants help, or to sit down among the idle.
    open_call* leave(member& me, open_call& done) noexcept {
        member* last_waits = nullptr;
        open_call* other = nullptr;
        {
            const lock_guard lock(lock_);
            done.seats = 0;  // there is nothing left to claim
            remove_helper(me);
            last_waits = who_waits_for_the_last_of(done);
            other = wanting_help();
            if (other)
                add_helper(*other, me);
            else
                sit_down(me);
        }
        if (last_waits) call_up(*last_waits);
        return other;
    }

    /// False if somebody has just taken it from among the idle: then it is being called.
    bool gets_up(member& me) noexcept {
        const lock_guard lock(lock_);
        // Who is about to call it needs its thread, even if the seat has been taken back since.
        if (me.calls_on_the_way.load(std::memory_order_acquire) > 0 || !unlink_idle(me)) return false;
        --members_;
        return true;
    }

    bool unlink_idle(member& me) noexcept {
        member** link = &idle_;
        while (*link && *link != &me) link = &(*link)->next_idle;
        if (!*link) return false;
        *link = me.next_idle;
        return true;
    }

    /// Its thread ends; the place stays, for another thread and for a call that comes too late.
    void leave_for_good(member& me) {
        const lock_guard lock(threads_lock_);
        me.next_idle = exchanged(left_, &me);
    }

    const habits habits_;
    spin_lock lock_;
    open_call* calls_ = nullptr;
    member* idle_ = nullptr;  // the last to sit down is the first to be called: it may still be awake
    int members_ = 0;
    std::atomic<bool> dismissed_ = false;

    mutex threads_lock_;                                  // for making and ending threads, which takes its time
    std::vector<owned<member>> made_;                     // all members that there have ever been
    member* left_ = nullptr;                              // those without a thread
    deferred<std::vector<plain_thread>, Clock> threads_;  // those to be joined

    // Hints, read without the lock: at worst a small call is finished alone, or a member is woken for little.
    std::atomic<time_point> awake_until_ = time_point();
    std::atomic<time_point> last_call_ = time_point();
};

using team = basic_team<clock>;

}  // namespace fanout::detail
