// The ways in which a task can end its worker.
#pragma once

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <iterator>
#include <stdexcept>

/// Through a function pointer that the optimizer does not see through.
inline int overflow_the_stack(int depth) {
    volatile char frame[4096];
    frame[depth % 4096] = static_cast<char>(depth);
    static int (*volatile again)(int) = overflow_the_stack;
    return again(depth + 1) + frame[0];
}

inline void write_to(std::size_t address) {
    volatile std::size_t hidden = address;
    *reinterpret_cast<volatile int*>(hidden) = 1;
}

[[noreturn]] inline void throw_domain_error() { throw std::domain_error("out of noexcept"); }
inline void throw_out_of_noexcept() noexcept { throw_domain_error(); }

/// While it lives, crash signals do what they do by default: Catch2 has handlers for them, which the workers would
/// keep. No core is dumped.
class plain_crashes {
public:
    plain_crashes() {
        rlimit no_core{};
        getrlimit(RLIMIT_CORE, &no_core);
        no_core.rlim_cur = 0;
        setrlimit(RLIMIT_CORE, &no_core);
        struct sigaction plain{};
        plain.sa_handler = SIG_DFL;
        for (std::size_t i = 0; i < std::size(signals); ++i) sigaction(signals[i], &plain, &before_[i]);
    }
    plain_crashes(const plain_crashes&) = delete;
    plain_crashes& operator=(const plain_crashes&) = delete;
    ~plain_crashes() {
        for (std::size_t i = 0; i < std::size(signals); ++i) sigaction(signals[i], &before_[i], nullptr);
    }

private:
    static constexpr int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    struct sigaction before_[std::size(signals)];
};
