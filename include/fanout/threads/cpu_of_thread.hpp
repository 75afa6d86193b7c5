// On which CPU a thread runs, and how it gets to another.
#pragma once

#include <sched.h>

namespace fanout::detail {

/// Some nanoseconds; -1 if unknown.
inline int current_cpu() noexcept {
#if defined(__linux__)
    return sched_getcpu();
#else
    return -1;
#endif
}

/// Leaves this CPU for any other that the thread may use; stays if there is none. Some 20 us.
///
/// The kernel puts a thread that is woken on the CPU where it last ran, or on one near the caller's. If that is the
/// caller's own, helper and caller take turns on it, call after call, while another CPU idles: until the next balancing
/// of loads, which does not come while the helper sleeps in between.
inline void move_to_another_cpu() noexcept {
#if defined(__linux__)
    cpu_set_t allowed;
    const int here = sched_getcpu();
    if (here < 0 || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
    cpu_set_t others = allowed;
    CPU_CLR(static_cast<unsigned>(here), &others);
    if (CPU_COUNT(&others) > 0 && sched_setaffinity(0, sizeof others, &others) == 0)
        sched_setaffinity(0, sizeof allowed, &allowed);
#endif
}

}  // namespace fanout::detail
