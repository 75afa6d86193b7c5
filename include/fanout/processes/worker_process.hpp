// One forked process: started so that its parent can watch it, killed without mistaking anybody for it, and reaped.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <utility>

#include "fanout/core/exchanged.hpp"
#include "fanout/processes/system.hpp"

namespace fanout::detail {

/// How a process ended, as the kernel tells.
struct exit_report {
    bool known = false;  // not if somebody else in this program has reaped it
    int status = 0;      // as of wait(2)
    std::size_t peak_memory = 0;

    int signal() const noexcept { return known && WIFSIGNALED(status) ? WTERMSIG(status) : 0; }
    bool exited() const noexcept { return known && WIFEXITED(status); }
    int exit_code() const noexcept { return WEXITSTATUS(status); }
};

/// Killed and reaped by its destructor. Only ever waits for its own process, so that other people's children, and
/// whatever the program does about SIGCHLD, stay as they are.
class worker_process {
public:
    worker_process() = default;
    worker_process(worker_process&& moved) noexcept
        : pid_(exchanged(moved.pid_, 0)), watch_(std::move(moved.watch_)), has_pidfd_(moved.has_pidfd_) {}
    worker_process& operator=(worker_process&&) = delete;
    ~worker_process() {
        kill();
        reap();
    }

    /// Forks; the child calls `live(of, mask)`, which must not return. All signals are blocked there, until it makes
    /// `mask` its own. 0, or the error if there can be no such process now.
    int start(void (*live)(void* of, const sigset_t& mask), void* of) {
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        int ends[2] = {-1, -1};
        if (!pidfds_work() && pipe2(ends, O_CLOEXEC) != 0) {
            const int error = errno;
            pthread_sigmask(SIG_SETMASK, &before, nullptr);
            return error;
        }
        descriptor read_end(ends[0]), write_end(ends[1]);
        const pid_t child = fork();
        if (child == 0) {
            read_end.close();
            live(of, before);
            _exit(127);
        }
        int error = child < 0 ? errno : 0;
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        if (error != 0) return error;
        pid_ = child;
        has_pidfd_ = !read_end;
        // Nobody else can have the pid before we have reaped it, unless somebody else in this program does that.
        watch_ = has_pidfd_ ? descriptor(static_cast<int>(syscall(SYS_pidfd_open, child, 0))) : std::move(read_end);
        if (!watch_) {
            error = errno;
            kill();
            reap();
        }
        return error;
    }

    pid_t pid() const noexcept { return pid_; }
    explicit operator bool() const noexcept { return pid_ != 0; }

    /// Readable, or at its end, when the process has ended. Not readable on old kernels (before 5.3) while a child of
    /// the process that has outlived it is still there.
    int watched() const noexcept { return watch_.number(); }

    void kill() const noexcept {
        if (!pid_) return;
        if (has_pidfd_ && watch_) {
            if (syscall(SYS_pidfd_send_signal, watch_.number(), SIGKILL, nullptr, 0) == 0 || errno == ESRCH) return;
        }
        ::kill(pid_, SIGKILL);
    }

    bool has_ended() const noexcept {
        pollfd ended{watch_.number(), POLLIN, 0};
        return poll(&ended, 1, 0) > 0;
    }

    /// Waits for the end of a process that has ended, or has been killed.
    exit_report reap() noexcept {
        exit_report report;
        if (!pid_) return report;
        rusage used{};
        pid_t reaped = 0;
        do {
            reaped = wait4(pid_, &report.status, 0, &used);
        } while (reaped < 0 && errno == EINTR);
        report.known = reaped == pid_;  // ECHILD: the program ignores SIGCHLD, or has a handler that reaps everything
        report.peak_memory = static_cast<std::size_t>(used.ru_maxrss) * 1024;
        pid_ = 0;
        watch_.close();
        return report;
    }

    static bool pidfds_work() noexcept {
        static const bool work = [] {
            const descriptor self(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
            return self || (errno != ENOSYS && errno != EPERM && errno != EACCES);  // old, or a sandbox forbids them
        }();
        return work;
    }

private:
    pid_t pid_ = 0;
    descriptor watch_;
    bool has_pidfd_ = false;
};

}  // namespace fanout::detail
