// To be included by test programs whose workers are started from themselves.
#pragma once

#include <fanout/tcp/worker_entry.hpp>

#include "support/instead_of_tests.hpp"

bool run_instead_of_tests(int argc, char** argv, int* status) {
    const auto worker = fanout::worker_entry(argc, argv);
    if (worker) *status = *worker;
    return worker.has_value();
}
