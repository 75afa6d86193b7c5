// What a program does before it forks workers, and what it is told when that is not as safe as it could be.
#pragma once

#include <sys/stat.h>
#include <time.h>

#include <atomic>
#include <cstdio>
#include <string>

#include "fanout/core/concat.hpp"
#include "fanout/core/plain_thread.hpp"
#include "fanout/processes/last_words.hpp"
#include "fanout/processes/other_libraries.hpp"

namespace fanout::detail {

inline constinit std::atomic<bool> said_that_there_are_threads = false;
inline constinit std::atomic<bool> said_that_workers_are_fewer = false;

/// Once in a process, on stderr.
inline void say_once(std::atomic<bool>& said, const std::string& what) {
    if (!said.exchange(true)) std::fprintf(stderr, "fanout: %s\n", what.c_str());
}

/// Besides this one.
inline int other_threads() {
    struct stat tasks{};
    if (stat("/proc/self/task", &tasks) != 0) return 0;
    return static_cast<int>(tasks.st_nlink) - 3;  // a link for each, one for it, one for itself
}

/// How many threads there are that may hold a lock of anybody's while this one forks. Fanout's own are idle, and hold
/// none, unless it is one of them that forks: then its siblings run tasks.
inline int threads_in_the_way() {
    const int others = other_threads();
    const int harmless = is_own_thread ? 0 : own_threads.load(std::memory_order_relaxed);
    return others > harmless ? others - harmless : 0;
}

/// A thread that has ended can be seen for some microseconds more.
inline int threads_that_stay_in_the_way() {
    int seen = threads_in_the_way();
    for (int looks = 0; seen > 0 && looks < 10; ++looks) {
        const timespec moment{0, 100'000};
        nanosleep(&moment, nullptr);
        seen = threads_in_the_way();
    }
    return seen;
}

/// Once in a call.
inline void prepare_to_fork() {
    prepare_last_words();
    pause_openmp();
    if (said_that_there_are_threads.load(std::memory_order_relaxed)) return;
    if (const int others = threads_that_stay_in_the_way(); others > 0)
        say_once(
            said_that_there_are_threads,
            concat(
                {"processes forks workers while this program has other threads (", std::to_string(others),
                 "). A lock that one of them holds just then stays locked in the worker, and a task that wants it "
                 "waits for ever: set a timeout, or make this call before threads are started. (This is said once.)"}));
}

}  // namespace fanout::detail
