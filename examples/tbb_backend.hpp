// A backend for fanout over oneTBB: tasks run in an arena of n_jobs slots, on TBB's own threads.
#pragma once

#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>
#include <cstddef>
#include <fanout/fanout.hpp>

struct tbb_backend {
    static constexpr const char* name = "tbb";

    void run(fanout::job& work, int n_jobs) const {
        oneapi::tbb::task_arena arena(n_jobs);
        arena.execute([&] {
            oneapi::tbb::task_group workers;
            for (int worker = 0; worker < n_jobs; ++worker)
                workers.run([&work, n_jobs, worker] {
                    while (const auto tasks = work.claim(chunk(work, n_jobs))) work.run(tasks, worker);
                });
            workers.wait();  // the caller works too
        });
    }

private:
    // A share of what is left that gets smaller towards the end, so that all are done at about the same time.
    static std::size_t chunk(const fanout::job& work, int n_jobs) {
        if (work.batch_size()) return *work.batch_size();
        return work.size() ? work.unclaimed() / (4 * static_cast<std::size_t>(n_jobs)) + 1 : 1;
    }
};
