// A backend as a user would write one: two threads that claim and run until there is nothing left to claim.
#pragma once

#include <fanout/core/backend.hpp>
#include <thread>

struct two_threads {
    static constexpr const char* name = "two_threads";

    void run(fanout::job& work, int n_jobs) const {
        const auto claim_and_run = [&](int worker) {
            while (const fanout::task_range tasks = work.claim(work.batch_size().value_or(3))) work.run(tasks, worker);
        };
        if (n_jobs == 1) return claim_and_run(0);
        const std::jthread first(claim_and_run, 0);
        const std::jthread second(claim_and_run, 1);
    }
};
