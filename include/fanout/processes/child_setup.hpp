// What a forked child changes about itself before it is a worker: signals, limits, descriptors, its share of the CPUs.
#pragma once

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>

#include "fanout/core/cgroup.hpp"
#include "fanout/processes/last_words.hpp"
#include "fanout/processes/other_libraries.hpp"
#include "fanout/processes/system.hpp"

namespace fanout::detail {

/// A worker does not outlive its parent. The signal comes when the forking *thread* ends, which is right: it waits for
/// the worker.
inline void die_with(pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0);  // it was gone before
}

/// The program's handlers are for the program: a worker that is told to terminate just does. Those for crashes stay.
///
/// Ctrl-C, Ctrl-\ and the end of the terminal are told to all of its processes. The parent decides what they mean, and
/// its workers die with it: if they died by themselves, their tasks would be taken for the cause. They do not ignore
/// these signals, though: a program that a task starts would inherit that, and outlive them all.
inline void take_back_signal_handlers() {
    for (int signal = 1; signal < NSIG; ++signal) {
        struct sigaction action{};
        if (sigaction(signal, nullptr, &action) != 0 || !dying::is_handled(action) || dying::is_crash(signal)) continue;
        action = {};
        action.sa_handler = SIG_DFL;
        sigaction(signal, &action, nullptr);
    }
    for (const int signal : {SIGINT, SIGQUIT, SIGHUP}) {
        struct sigaction action{};
        if (sigaction(signal, nullptr, &action) != 0 || action.sa_handler == SIG_IGN) continue;
        action.sa_handler = [](int) {};
        action.sa_flags = SA_RESTART;
        sigaction(signal, &action, nullptr);
    }
}

/// When memory runs out, the kernel should rather end a worker than the program.
inline void be_first_to_go() {
    const descriptor file(open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC));
    char text[16] = {};
    if (!file || read(file.number(), text, sizeof text - 1) <= 0) return;
    int score = std::atoi(text) + 500;
    if (score > 1000) score = 1000;
    const std::string raised = std::to_string(score);
    static_cast<void>(!pwrite(file.number(), raised.data(), raised.size(), 0));
}

/// So many bytes beyond what is there now. Private memory is what counts; what is shared does not.
class memory_fence {
public:
    void put_up(std::size_t bytes) {
        const std::uint64_t here = number_after(read_file("/proc/", "self/status"), "VmData") * 1024;
        getrlimit(RLIMIT_DATA, &before_);
        if (before_.rlim_cur <= here + bytes) return;
        const rlimit limit{here + bytes, before_.rlim_max};
        is_up_ = setrlimit(RLIMIT_DATA, &limit) == 0;
        up_ = limit;
    }

    /// Down for a while: to say that memory has run out takes some. Back up with `restore`.
    void lift() const {
        if (is_up_) setrlimit(RLIMIT_DATA, &before_);
    }
    void restore() const {
        if (is_up_) setrlimit(RLIMIT_DATA, &up_);
    }

private:
    rlimit before_{};
    rlimit up_{};
    bool is_up_ = false;
};

}  // namespace fanout::detail
