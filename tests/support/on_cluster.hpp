// A cluster that a test has made, as a backend: with a rhythm, a port or a launcher that `tcp` does not have.
#pragma once

#include <fanout/tcp/cluster.hpp>
#include <fanout/tcp/remote_call.hpp>
#include <fanout/tcp/remote_run.hpp>

#include <chrono>
#include <utility>

/// Dead is of whom nothing has been heard for a second, so that no test has to wait for long.
inline fanout::detail::cluster_settings impatient(fanout::launcher workers) {
    fanout::detail::cluster_settings how;
    how.workers = std::move(workers);
    how.rhythm.beat = std::chrono::milliseconds(100);
    how.rhythm.patience = std::chrono::seconds(1);
    return how;
}

struct on_cluster {
    static constexpr bool leaves_the_process = true;
    using remote = fanout::detail::remote_forms;

    fanout::detail::cluster* on = nullptr;
    int retries = 2;

    void run(fanout::job& work, int n_jobs) const {
        fanout::detail::run_settings how;
        how.n_jobs = n_jobs;
        how.retries = retries;
        fanout::detail::remote_run(work, *work.portable(), fanout::detail::remote_tasks_of(work), *on, how).run();
    }
};
