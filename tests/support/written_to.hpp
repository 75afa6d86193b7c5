// What a piece of code writes to a descriptor.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

/// All that is written to `descriptor`, as STDERR_FILENO, while `say` runs.
template <class Say>
std::string written_to(int descriptor, const Say& say) {
    std::fflush(nullptr);
    const auto path = std::filesystem::temp_directory_path() / ("fanout_written_" + std::to_string(getpid()));
    const int saved = dup(descriptor);
    const int file = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    dup2(file, descriptor);
    say();
    std::fflush(nullptr);
    dup2(saved, descriptor);
    close(saved);
    close(file);
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    std::filesystem::remove(path);
    return text.str();
}
