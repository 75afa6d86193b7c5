// What has to be the same on every backend of this machine, whatever the number of jobs.
#pragma once

#include <fanout/core/sequential.hpp>
#include <fanout/processes/processes.hpp>
#include <fanout/threads/threads.hpp>

/// `check(n_jobs, backend)`.
template <class Check>
void on_all_backends(const Check& check) {
    for (const int n_jobs : {1, 2, 3, 8}) {
        check(n_jobs, fanout::threads{});
        check(n_jobs, fanout::sequential{});
        check(n_jobs, fanout::processes{});
    }
}
