// What a call on a cluster goes by, with everything decided.
#pragma once

#include <cstddef>
#include <optional>

namespace fanout::detail {

struct run_settings {
    int n_jobs = 1;
    int retries = 2;
    bool speculate = false;
    std::optional<std::size_t> memory_limit = {};  // of a slot, in bytes
};

}  // namespace fanout::detail
