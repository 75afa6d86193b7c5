// Ctrl-C and its kin, sent to a real program: one that does not care is gone with all its workers, one that does is
// asked, and nobody else decides.
#include <fanout/front/parallel.hpp>
#include <fanout/processes/processes.hpp>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <functional>
#include <ranges>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/crashes.hpp"
#include "support/sanitizers.hpp"
#include "support/shared_counters.hpp"

#if !FANOUT_TESTS_UNDER_TSAN  // under which a forked child cannot start threads

using fanout::delayed, fanout::parallel;
using namespace std::chrono_literals;

namespace {

constexpr int busy = 0, progress = 1;  // counters

/// A program in a process group of its own, with two workers that are at it when this is constructed. What it leaves
/// behind comes to the test, which is its subreaper.
class program {
public:
    explicit program(const std::function<int(const shared_counters&)>& main, bool on_a_terminal = false) {
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        if (on_a_terminal) {
            terminal_ = posix_openpt(O_RDWR | O_NOCTTY);
            grantpt(terminal_);
            unlockpt(terminal_);
        }
        pid_ = fork();
        if (pid_ == 0) {
            on_a_terminal ? take_terminal() : static_cast<void>(setpgid(0, 0));
            for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) ::signal(signal, SIG_DFL);  // not Catch2's
            const plain_crashes no_core;
            _exit(main(counters_));
        }
        if (!on_a_terminal) setpgid(pid_, pid_);
        const auto until = std::chrono::steady_clock::now() + 20s;
        while (counters_[busy] < 2) {
            if (std::chrono::steady_clock::now() > until) FAIL("nobody is at it: " << state());
            usleep(200);
        }
    }
    program(const program&) = delete;
    program& operator=(const program&) = delete;
    ~program() {
        kill(-pid_, SIGKILL);
        while (waitpid(-pid_, nullptr, 0) > 0 || errno == EINTR) {
        }
        if (terminal_ >= 0) close(terminal_);
        prctl(PR_SET_CHILD_SUBREAPER, 0);
    }

    void send(int signal, bool to_the_group) const { kill(to_the_group ? -pid_ : pid_, signal); }
    void type(char key) const { CHECK(write(terminal_, &key, 1) == 1); }

    /// As of wait(2), of the program itself.
    int status() const {
        int status = 0;
        while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        return status;
    }

    /// Whether within ten seconds nobody of its group is left.
    bool leaves_nobody() const {
        for (const auto until = std::chrono::steady_clock::now() + 10s; std::chrono::steady_clock::now() < until;) {
            while (waitpid(-pid_, nullptr, WNOHANG) > 0) {
            }
            if (kill(-pid_, 0) != 0 && errno == ESRCH) return true;
            usleep(500);
        }
        return false;
    }

    const shared_counters& counters() const { return counters_; }

private:
    /// For who wonders: how it ended, or where it and its workers wait.
    std::string state() const {
        int status = 0;
        if (waitpid(pid_, &status, WNOHANG) == pid_) return "it has ended, with status " + std::to_string(status);
        const std::string its = "/proc/" + std::to_string(pid_);
        std::string all = "it is in the system call " + call_of(its);
        std::ifstream workers(its + "/task/" + std::to_string(pid_) + "/children");
        for (std::string each; workers >> each;) all += "; of a worker: " + call_of("/proc/" + each);
        return all;
    }

    /// The system call that a process is in, with its arguments, as proc(5) has it.
    static std::string call_of(const std::string& process) {
        std::ifstream file(process + "/syscall");
        std::string call;
        std::getline(file, call);
        return call;
    }

    void take_terminal() const {
        setsid();
        const int slave = open(ptsname(terminal_), O_RDWR);
        ioctl(slave, TIOCSCTTY, 0);
        tcsetpgrp(slave, getpid());
    }

    shared_counters counters_;
    int terminal_ = -1;
    pid_t pid_ = 0;
};

bool died_of(int signal, int status) { return WIFSIGNALED(status) && WTERMSIG(status) == signal; }

/// Tasks that never end.
template <class Backend>
auto endless_on(Backend backend) {
    return [backend](const shared_counters& counters) {
        parallel(2, backend)(delayed([&](int) {
                                 ++counters[busy];
                                 for (;;) pause();
                             }),
                             std::views::iota(0, 2));
        return 1;
    };
}

/// Tasks that take some milliseconds, until the call is stopped: exit code 7 if it says so, 8 if anything else fails.
int run_until_stopped(const shared_counters& counters, const std::stop_token& stop) {
    try {
        parallel({.n_jobs = 2, .stop = stop}, fanout::processes{.retries = 0})(delayed([&](int) {
                                                                                   ++counters[busy];
                                                                                   usleep(2'000);
                                                                                   ++counters[progress];
                                                                               }),
                                                                               std::views::iota(0, 10'000'000));
    } catch (const fanout::cancelled&) {
        return 7;
    } catch (...) {
    }
    return 8;
}

std::atomic<bool> interrupted = false;

/// As programs do it that keep to what a handler may do: it sets a flag, and somebody looks at that.
int stops_by_a_flag(const shared_counters& counters) {
    for (const int signal : {SIGINT, SIGHUP, SIGQUIT}) ::signal(signal, [](int) { interrupted = true; });
    std::stop_source stop;
    std::atomic<bool> done = false;
    std::jthread looks([&] {
        while (!interrupted && !done) usleep(500);
        if (interrupted) stop.request_stop();
    });
    const int code = run_until_stopped(counters, stop.get_token());
    done = true;
    return code;
}

/// And by a thread that waits for the signal, which is blocked everywhere.
int stops_by_a_thread(const shared_counters& counters) {
    sigset_t ours;
    sigemptyset(&ours);
    for (const int signal : {SIGINT, SIGHUP, SIGQUIT}) sigaddset(&ours, signal);
    pthread_sigmask(SIG_BLOCK, &ours, nullptr);
    std::stop_source stop;
    std::jthread waits([&] {
        int signal = 0;
        sigwait(&ours, &signal);
        stop.request_stop();
    });
    return run_until_stopped(counters, stop.get_token());
}

/// Takes no notice, and goes on.
int carries_on(const shared_counters& counters) {
    for (const int signal : {SIGINT, SIGHUP, SIGQUIT}) ::signal(signal, [](int) { interrupted = true; });
    const auto outcomes = parallel(2, fanout::processes{.retries = 0})
                              .outcomes(delayed([&](int i) {
                                            ++counters[busy];
                                            while (counters[progress] == 0) usleep(500);
                                            return i;
                                        }),
                                        std::views::iota(0, 8));
    for (const auto& each : outcomes)
        if (!each) return 8;
    return interrupted ? 7 : 9;
}

}  // namespace

TEST_CASE("a program that did not ask for a signal dies of it, and nobody is left", "[chaos][signals]") {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT})
        for (const bool to_the_group : {true, false}) {
            CAPTURE(signal, to_the_group);
            {
                const program on_processes(endless_on(fanout::processes{}));
                on_processes.send(signal, to_the_group);
                CHECK(died_of(signal, on_processes.status()));
                CHECK(on_processes.leaves_nobody());
            }
            {
                const program on_threads(endless_on(fanout::threads{}));
                on_threads.send(signal, to_the_group);
                CHECK(died_of(signal, on_threads.status()));
                CHECK(on_threads.leaves_nobody());
            }
        }
}

TEST_CASE("so it is when somebody presses Ctrl-C at its terminal", "[chaos][signals]") {
    const program on_processes(endless_on(fanout::processes{}), true);
    on_processes.type('\x03');
    CHECK(died_of(SIGINT, on_processes.status()));
    CHECK(on_processes.leaves_nobody());
}

TEST_CASE("a program that stops its call at a signal has it stopped, and not failed", "[chaos][signals]") {
    for (const int signal : {SIGINT, SIGHUP, SIGQUIT})
        for (const bool to_the_group : {true, false})
            for (const auto& main : {stops_by_a_flag, stops_by_a_thread}) {
                CAPTURE(signal, to_the_group, main == stops_by_a_flag);
                const program asked(main);
                asked.send(signal, to_the_group);
                const int status = asked.status();
                CHECK(WIFEXITED(status));
                CHECK(WEXITSTATUS(status) == 7);
                CHECK(asked.leaves_nobody());
            }
    const program at_a_terminal(stops_by_a_flag, true);
    at_a_terminal.type('\x03');
    CHECK(WEXITSTATUS(at_a_terminal.status()) == 7);
}

TEST_CASE("a program that takes no notice loses no task, however often it is told", "[chaos][signals]") {
    const program stubborn(carries_on);
    for (int times = 0; times < 20; ++times) {
        for (const int signal : {SIGINT, SIGHUP, SIGQUIT}) stubborn.send(signal, true);
        usleep(500);
    }
    stubborn.counters()[progress] = 1;
    const int status = stubborn.status();
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 7);
}

TEST_CASE("what a task has started dies of Ctrl-C too", "[chaos][signals]") {
    const program starts_others([](const shared_counters& counters) {
        parallel(2, fanout::processes{})(delayed([&](int) {
                                             int ends[2] = {};
                                             static_cast<void>(!pipe2(ends, O_CLOEXEC));
                                             if (fork() == 0) execl("/bin/sleep", "sleep", "60", nullptr);
                                             close(ends[1]);
                                             char none = 0;
                                             while (read(ends[0], &none, 1) < 0) {  // until it is another program
                                             }
                                             ++counters[busy];
                                             for (;;) pause();
                                         }),
                                         std::views::iota(0, 2));
        return 1;
    });
    starts_others.send(SIGINT, true);
    CHECK(died_of(SIGINT, starts_others.status()));
    CHECK(starts_others.leaves_nobody());
}

#endif
