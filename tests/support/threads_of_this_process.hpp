// How many threads this process has, as the kernel sees it.
#pragma once

#include <dirent.h>

#include <chrono>
#include <thread>

inline int threads_of_this_process() {
    int threads = 0;
    DIR* const tasks = opendir("/proc/self/task");
    while (const dirent* const entry = readdir(tasks))
        if (entry->d_name[0] != '.') ++threads;
    closedir(tasks);
    return threads;
}

/// A thread that was joined may be listed for a moment longer. False: still more than `most` after ten seconds.
inline bool threads_come_down_to(int most) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (threads_of_this_process() > most) {
        if (std::chrono::steady_clock::now() > until) return false;
        std::this_thread::yield();
    }
    return true;
}
