// Hands the tasks of an input that is read once to the workers.
#pragma once

#include <atomic>
#include <exception>
#include <initializer_list>
#include <utility>

#include "fanout/core/owned.hpp"
#include "fanout/core/portable_tasks.hpp"
#include "fanout/processes/child.hpp"
#include "fanout/processes/crew.hpp"
#include "fanout/processes/seat.hpp"
#include "fanout/processes/task_supply.hpp"
#include "fanout/processes/verdicts.hpp"

namespace fanout::detail {

class fed_input {
public:
    fed_input(task_supply& from, portable_tasks& tasks, crew& workers) : supply_(from), tasks_(tasks), crew_(workers) {}

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
        if (!supply_.is_exhausted()) return false;
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
            while (const owned<fed_task> task = supply_.take()) fail(task->index, why);
        } catch (...) {  // the supply has ended as well
        }
    }

private:
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
            owned<fed_task> next = supply_.take();
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

    task_supply& supply_;
    portable_tasks& tasks_;
    crew& crew_;
    bool told_the_end_ = false;
};

}  // namespace fanout::detail
