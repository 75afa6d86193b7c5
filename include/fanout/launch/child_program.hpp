// Another program, or this one again, started with something on its standard input.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "fanout/core/clock.hpp"
#include "fanout/core/exchanged.hpp"

extern char** environ;

namespace fanout::detail {

/// Killed and reaped by its destructor, if it has not ended by itself. Only ever waits for its own process.
class child_program {
public:
    child_program() = default;
    child_program(child_program&& moved) noexcept
        : pid_(exchanged(moved.pid_, 0)), input_(exchanged(moved.input_, -1)), status_(moved.status_) {}
    child_program& operator=(child_program&& moved) noexcept {
        std::swap(pid_, moved.pid_);
        std::swap(input_, moved.input_);
        std::swap(status_, moved.status_);
        return *this;
    }
    ~child_program() {
        close_input();
        kill();
    }

    /// Where it writes to: descriptors, which stay the caller's; -1: where this program does.
    struct outlets {
        int output = -1;
        int error = -1;
    };

    /// Starts it with these words and this in addition to its environment; `input` is what it reads first on its
    /// standard input, which stays open. 0, or the error.
    int start(const std::vector<std::string>& words, const std::string& variable, const std::string& input,
              outlets out = {-1, -1}) {
        close_input();  // of the one before
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0) return errno;
        std::vector<char*> arguments, environment;
        for (const std::string& each : words) arguments.push_back(const_cast<char*>(each.c_str()));
        arguments.push_back(nullptr);
        for (char** each = environ; *each; ++each) environment.push_back(*each);
        environment.push_back(const_cast<char*>(variable.c_str()));
        environment.push_back(nullptr);

        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        posix_spawn_file_actions_init(&actions);
        posix_spawnattr_init(&attributes);
        posix_spawn_file_actions_adddup2(&actions, ends[0], 0);
        if (out.output >= 0) posix_spawn_file_actions_adddup2(&actions, out.output, 1);
        if (out.error >= 0) posix_spawn_file_actions_adddup2(&actions, out.error, 2);
#if defined(__GLIBC__) && defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 34)
        posix_spawn_file_actions_addclosefrom_np(&actions, 3);  // what others have left open is none of its business
#endif
#endif
        sigset_t none, all;
        sigemptyset(&none);
        sigfillset(&all);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &all);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        const int error =
            posix_spawnp(&pid_, arguments.front(), &actions, &attributes, arguments.data(), environment.data());
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
        close(ends[0]);
        if (error != 0) {
            pid_ = 0;
            close(ends[1]);
            return error;
        }
        input_ = ends[1];
        // It fits into the pipe, so that nobody has to read it now; and if nobody ever will, there is no signal.
        sigset_t pipe_signal, before;
        sigemptyset(&pipe_signal);
        sigaddset(&pipe_signal, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
        if (!input.empty() && write(input_, input.data(), input.size()) < 0 && errno == EPIPE) {
            const timespec now{};
            sigtimedwait(&pipe_signal, nullptr, &now);
        }
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        return 0;
    }

    pid_t pid() const noexcept { return pid_; }

    /// Whether it has ended, or was never started. Does not wait.
    bool has_ended() noexcept {
        if (pid_ == 0) return true;
        const pid_t ended = waitpid(pid_, &status_, WNOHANG);
        if (ended == 0 || (ended < 0 && errno == EINTR)) return false;
        if (ended < 0) status_ = unknown;  // somebody else in this program has reaped it, or ignores SIGCHLD
        pid_ = 0;
        return true;
    }

    /// As of wait(2), when it has ended. `unknown` is neither an exit nor a signal.
    int status() const noexcept { return status_; }
    static constexpr int unknown = -1;

    /// Waits for its end, at most so long. False: it has not ended.
    bool wait_for_end(int milliseconds) noexcept {
        return wait_until(clock::now() + microseconds(std::int64_t{1000} * milliseconds));
    }
    bool wait_until(clock::time_point until) noexcept {
        while (!has_ended()) {
            if (clock::now() >= until) return false;
            const timespec moment{0, 1'000'000};
            nanosleep(&moment, nullptr);
        }
        return true;
    }

    void ask_to_leave() noexcept {
        if (!has_ended()) ::kill(pid_, SIGTERM);  // its number stays its own until has_ended has reaped it
    }

    void kill() noexcept {
        if (has_ended()) return;
        ::kill(pid_, SIGKILL);
        while (waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
        }
        pid_ = 0;
    }

    void close_input() noexcept {
        if (input_ >= 0) close(exchanged(input_, -1));
    }

private:
    pid_t pid_ = 0;
    int input_ = -1;
    int status_ = 0;
};

/// "it ended with exit code 78", "it was killed by signal 9"
inline std::string end_of(int status) {
    if (WIFSIGNALED(status)) return "it was killed by signal " + std::to_string(WTERMSIG(status));
    if (!WIFEXITED(status)) return "how it ended is not known, for this program ignores SIGCHLD or reaps its children";
    return "it ended with exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace fanout::detail
