// Runs a job on worker processes with settings that users cannot change.
#pragma once

#include <fanout/processes/supervisor.hpp>

#include "support/portable_job.hpp"

inline void run_on_processes(portable_job& job, const fanout::detail::process_settings& settings) {
    fanout::detail::supervisor<fanout::job>(job, *job.portable(), settings).run();
}
