// Hands the tasks of an input that is read once to the workers.
#pragma once

#include <atomic>
#include <exception>
#include <initializer_list>
#include <utility>

#include "fanout/core/backend.hpp"
#include "fanout/core/owned.hpp"
#include "fanout/core/portable_tasks.hpp"
#include "fanout/processes/child.hpp"
#include "fanout/processes/crew.hpp"
#include "fanout/processes/feeder.hpp"
#include "fanout/processes/seat.hpp"
#include "fanout/processes/verdicts.hpp"

namespace fanout::detail {

class fed_input {
public:
    /// Begins to read. The workers have been forked.
    fed_input(job& work, portable_tasks& tasks, crew& workers)
        : tasks_(tasks), crew_(workers), feeder_(work, tasks, workers.parent_bell(), 2 * count(workers)) {
        feeder_.start();
    }

    /// Gives waiting tasks to workers that have room for them. True if anything has moved.
    bool hand_out() {
        bool moved = false;
        if (give_one_each(false)) give_one_each(true);
        for (seat& each : crew_.seats())
            if (each.process) moved = each.sent.push(crew_.shared().inbox(each.worker)) || moved;
        if (!told_the_end_ && is_done()) tell_the_end();
        return moved;
    }

    /// Whether everything has been read and every task has come back.
    bool is_done() {
        if (!feeder_.is_exhausted()) return false;
        for (const seat& each : crew_.seats())
            if (!each.sent.empty()) return false;
        return true;
    }

    bool needs(const seat& worker) const noexcept { return !told_the_end_ || !worker.sent.empty(); }

    /// The call is broken: tasks that have been read fail with that. The input may wait for them before it goes on, and
    /// would never be told that all is over.
    void give_back(const std::exception_ptr& why) {
        for (seat& each : crew_.seats()) {
            while (const fed_task* const task = each.sent.current()) {
                fail(task->index, why);
                each.sent.drop_current();
            }
        }
        try {
            while (const owned<fed_task> task = feeder_.take()) fail(task->index, why);
        } catch (...) {  // the thread has ended as well
        }
    }

private:
    static int count(const crew& workers) {
        int seats = 0;
        for (const seat& each : workers.seats()) seats = each.worker + 1;
        return seats;
    }

    /// One task to each worker that has none, or to each that has room for one. False: there are no more yet, and those
    /// that come now are for whoever went without.
    bool give_one_each(bool also_a_second) {
        for (seat& each : crew_.seats()) {
            if (!each.sent.wants_more() || (!also_a_second && !each.sent.empty())) continue;
            owned<fed_task> next = take_sound_task();
            if (!next) return false;
            each.sent.add(std::move(next));
        }
        return true;
    }

    owned<fed_task> take_sound_task() {
        for (;;) {
            owned<fed_task> next = feeder_.take();
            if (!next || !next->broken) return next;
            fail(next->index, next->broken);
        }
    }

    void fail(std::size_t index, const std::exception_ptr& why) {
        tasks_.store_failure(described_failure({.index = index, .backend = "processes"}, why));
    }

    void tell_the_end() noexcept {
        told_the_end_ = true;
        crew_.shared().header().no_more_input.store(1, std::memory_order_seq_cst);  // see child::incoming
        for (const seat& each : crew_.seats()) wake_worker(crew_.slot_of(each).inbox);
    }

    portable_tasks& tasks_;
    crew& crew_;
    feeder feeder_;
    bool told_the_end_ = false;
};

}  // namespace fanout::detail
