// What a process has of the system: descriptors, mappings, children. Compared before and after, it shows what leaked.
#pragma once

#include <dirent.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdio>
#include <string>

inline int entries_of(const char* directory) {
    int entries = 0;
    DIR* const listing = opendir(directory);
    while (const dirent* const entry = readdir(listing))
        if (entry->d_name[0] != '.') ++entries;
    closedir(listing);
    return entries;
}

inline int open_descriptors() { return entries_of("/proc/self/fd"); }

/// Shared memory without a name only: the heap comes and goes.
inline int shared_mappings() {
    int lines = 0;
    std::FILE* const maps = std::fopen("/proc/self/maps", "re");
    char line[4096];
    while (std::fgets(line, sizeof line, maps)) lines += std::string(line).find("/dev/zero") != std::string::npos;
    std::fclose(maps);
    return lines;
}

inline bool has_children() { return !(waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD); }
