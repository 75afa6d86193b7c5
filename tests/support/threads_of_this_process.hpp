// How many threads this process has, as the kernel sees it.
#pragma once

#include <dirent.h>

#include "support/becomes_true.hpp"

inline int threads_of_this_process() {
    int threads = 0;
    DIR* const tasks = opendir("/proc/self/task");
    while (const dirent* const entry = readdir(tasks))
        if (entry->d_name[0] != '.') ++threads;
    closedir(tasks);
    return threads;
}

/// A thread that was joined may be listed for a moment longer.
inline bool threads_come_down_to(int most) {
    return becomes_true([most] { return threads_of_this_process() <= most; });
}
