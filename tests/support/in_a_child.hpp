// Runs a part of a test in a process of its own, whose environment it may spoil.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

/// What `body` returns there, behind what was written to stderr.
template <class Body>
std::string in_a_child(const Body& body) {
    int ends[2];
    if (pipe(ends) != 0) return "no pipe";
    const pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        dup2(ends[1], STDERR_FILENO);
        close(ends[1]);
        alarm(30);
        const std::string text = body();
        static_cast<void>(!write(STDERR_FILENO, text.data(), text.size()));
        std::_Exit(0);
    }
    close(ends[1]);
    std::string all;
    char part[500];
    while (const ssize_t got = read(ends[0], part, sizeof part))
        if (got > 0) all.append(part, static_cast<std::size_t>(got));
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? "killed by " + std::to_string(WTERMSIG(status)) : all;
}
