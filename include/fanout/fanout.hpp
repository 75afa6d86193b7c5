// fanout: run a loop in parallel, get the results in order. This header is everything that runs on this machine.
//
//     #include <fanout/fanout.hpp>
//     using fanout::delayed, fanout::parallel;
//
//     std::vector<double> roots = parallel(4)(delayed(root), numbers);
#pragma once

#if __cplusplus < 202002L
#error "fanout needs C++20: compile with -std=c++20 or later"
#endif
#if !defined(__cpp_exceptions) || !defined(__cpp_rtti)
#error "fanout needs exceptions and RTTI: compile without -fno-exceptions and -fno-rtti"
#endif

// IWYU pragma: begin_exports
#include "fanout/core/backend.hpp"
#include "fanout/core/cpu_count.hpp"
#include "fanout/core/current_worker.hpp"
#include "fanout/core/delayed.hpp"
#include "fanout/core/errors.hpp"
#include "fanout/core/options.hpp"
#include "fanout/core/outcome.hpp"
#include "fanout/core/progress.hpp"
#include "fanout/core/sequential.hpp"
#include "fanout/core/task_seed.hpp"
#include "fanout/front/any_backend.hpp"
#include "fanout/front/backend_names.hpp"
#include "fanout/front/config.hpp"
#include "fanout/front/parallel.hpp"
#include "fanout/front/per_worker.hpp"
#include "fanout/processes/processes.hpp"
#include "fanout/serialize/codec.hpp"
#include "fanout/threads/threads.hpp"
// IWYU pragma: end_exports
