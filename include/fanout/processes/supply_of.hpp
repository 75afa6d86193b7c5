// Who has the next tasks of a job whose input is read once.
#pragma once

#include "fanout/core/owned.hpp"
#include "fanout/core/portable_tasks.hpp"
#include "fanout/processes/crew.hpp"
#include "fanout/processes/feeder.hpp"
#include "fanout/processes/shared_state.hpp"
#include "fanout/processes/task_supply.hpp"

namespace fanout::detail {

/// A job whose next tasks can be had without waiting; it tells when there are more.
template <class Job>
concept brings_its_tasks = requires(Job& work, void (*tell)(void*), void* of) {
    static_cast<task_supply&>(work);
    work.when_more_comes(tell, of);
};

/// A thread that waits for the user's input, up to `most_waiting` tasks ahead.
template <class Job>
class supply_of {
public:
    supply_of(Job& work, portable_tasks& tasks, crew& workers, int most_waiting)
        : feeder_(work, tasks, workers.parent_bell(), most_waiting) {
        feeder_.start();
    }

    task_supply& tasks() noexcept { return feeder_; }

private:
    feeder feeder_;
};

/// The job itself.
template <brings_its_tasks Job>
class supply_of<Job> {
public:
    supply_of(Job& work, portable_tasks&, crew& workers, int) : work_(work), workers_(workers) {
        work.when_more_comes(
            [](void* me) {
                const crew& waiting = static_cast<supply_of*>(me)->workers_;
                call_parent(waiting.shared().header(), waiting.parent_bell());
            },
            this);
    }
    supply_of(const supply_of&) = delete;
    supply_of& operator=(const supply_of&) = delete;
    ~supply_of() { work_.when_more_comes(nullptr, nullptr); }

    task_supply& tasks() noexcept { return work_; }

private:
    Job& work_;
    crew& workers_;
};

}  // namespace fanout::detail
