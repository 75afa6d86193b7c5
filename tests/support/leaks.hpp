// What a process has of the system: descriptors, mappings, memory, children. Compared before and after, it shows what
// leaked.
#pragma once

#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
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

/// How much of this process is in memory, of what is its own.
inline std::size_t resident_bytes() {
    std::size_t whole = 0, resident = 0, shared = 0;
    std::FILE* const file = std::fopen("/proc/self/statm", "re");
    const bool read = std::fscanf(file, "%zu %zu %zu", &whole, &resident, &shared) == 3;
    std::fclose(file);
    return read ? (resident - shared) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) : 0;
}

inline bool has_children() { return !(waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD); }
