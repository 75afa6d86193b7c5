// Durations and the steady clock. <thread> has declared both already for its own waits; <chrono> would add calendars
// and time zones, which cost everybody who includes fanout a sixth of a second.
#pragma once

#include <ratio>
#include <thread>

namespace fanout::detail {

using clock = std::chrono::steady_clock;
using nanoseconds = std::chrono::duration<double, std::nano>;

}  // namespace fanout::detail
