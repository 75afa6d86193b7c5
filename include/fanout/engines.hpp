// Workers that an engine starts and looks after, to be included beside <fanout/tcp.hpp>.
//
//     parallel(50, tcp{.workers = slurm{}})
#pragma once

// IWYU pragma: begin_exports
#include "fanout/launch/batch.hpp"
#include "fanout/launch/engine.hpp"
#include "fanout/launch/kubernetes.hpp"
#include "fanout/launch/slurm.hpp"
#include "fanout/launch/spark.hpp"
// IWYU pragma: end_exports
