// In a worker: sees to it that its death, whatever the reason, leaves an account in its slot.
#pragma once

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>

#include "fanout/core/concat.hpp"
#include "fanout/core/describe.hpp"
#include "fanout/processes/other_libraries.hpp"
#include "fanout/processes/shared_state.hpp"

#if __has_include(<execinfo.h>)
#include <execinfo.h>
#define FANOUT_HAS_BACKTRACE 1
#else
#define FANOUT_HAS_BACKTRACE 0
#endif

namespace fanout::detail {

/// The worker that this process is. A child that a task forks is none: see no_worker_any_more.
struct this_worker {
    last_words* last = nullptr;
    int depth = 0;  // how many calls of `processes` this process is inside of
};
inline constinit this_worker own_worker{};

/// Runs in every child that is forked, before fork returns there.
inline void no_worker_any_more() { own_worker.last = nullptr; }

/// Once in a process, before it forks its first worker: after that it takes no lock in a worker that crashes.
inline void prepare_last_words() {
    static const int prepared = [] {
#if FANOUT_HAS_BACKTRACE
        void* frame = nullptr;
        backtrace(&frame, 1);  // the first one loads a library
#endif
        return pthread_atfork(nullptr, nullptr, no_worker_any_more);
    }();
    static_cast<void>(prepared);
}

inline void copy_text(char* to, std::size_t size, const char* text) noexcept {
    const std::size_t length = strnlen(text, size - 1);
    std::memcpy(to, text, length);
    to[length] = 0;
}

namespace dying {

inline std::uintptr_t stack_pointer([[maybe_unused]] const void* context) noexcept {
#if defined(__x86_64__)
    return static_cast<std::uintptr_t>(static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_RSP]);
#elif defined(__aarch64__)
    return static_cast<std::uintptr_t>(static_cast<const ucontext_t*>(context)->uc_mcontext.sp);
#else
    return 0;
#endif
}

inline void* instruction([[maybe_unused]] const void* context) noexcept {
    std::uintptr_t at = 0;
#if defined(__x86_64__)
    at = static_cast<std::uintptr_t>(static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
    at = static_cast<std::uintptr_t>(static_cast<const ucontext_t*>(context)->uc_mcontext.pc);
#endif
    void* address = nullptr;
    std::memcpy(&address, &at, sizeof address);
    return address;
}

/// On its own stack, since the other may be what is used up. What matters most comes first: this may crash as well.
inline void note_crash(int signal, siginfo_t* info, void* context) {
    const int error = errno;
    if (last_words* const last = own_worker.last; last && last->how != last_words::manner::crashed) {
        if (last->how != last_words::manner::terminated) last->text[0] = 0;
        last->signal = signal;
        last->code = info->si_code;
        last->address = info->si_addr;
        const std::uintptr_t stack = stack_pointer(context);
        std::memcpy(&last->stack_pointer, &stack, sizeof stack);
        if (last->how != last_words::manner::terminated) last->how = last_words::manner::crashed;
#if FANOUT_HAS_BACKTRACE
        void* frames[40];
        const int count = backtrace(frames, 40);
        void* const at = instruction(context);
        int first = 0;  // that of the crash, behind those of this handler
        for (int i = 0; i < count && first == 0; ++i)
            if (frames[i] == at) first = i;
        last->frame_count = 0;
        for (int i = first; i < count && last->frame_count < 24; ++i) last->frames[last->frame_count++] = frames[i];
#endif
    }
    // The handler was for once. A fault happens again when this returns, with everything in its place for a core dump;
    // a signal that was sent has to be sent again.
    if (info->si_code <= 0) raise(signal);
    errno = error;
}

/// std::terminate: the exception is still there, and aborting would lose it.
[[noreturn]] inline void note_terminate() {
    if (last_words* const last = own_worker.last) {
        std::string text;
        if (std::current_exception()) {
            try {
                throw;
            } catch (...) {
                text = concat({" with ", current_exception_type(), ": ", current_exception_text()});
            }
        }
        copy_text(last->text, sizeof last->text, text.c_str());
        last->how = last_words::manner::terminated;
    }
    std::abort();
}

/// exit() in a task would run the program's own handlers and destructors in the worker: this comes before them.
inline void note_exit(int code, void*) {
    last_words* const last = own_worker.last;
    if (!last) return;
    last->exit_code = code;
    last->how = last_words::manner::called_exit;
    flush_output();
    _exit(code == last_words::unknown_exit_code ? EXIT_FAILURE : code);
}
inline void note_exit_without_code() { note_exit(last_words::unknown_exit_code, nullptr); }

inline bool is_handled(const struct sigaction& action) {
    return (action.sa_flags & SA_SIGINFO) != 0 || (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN);
}

inline constexpr int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

inline bool is_crash(int signal) {
    for (const int each : crashes)
        if (each == signal) return true;
    return false;
}

}  // namespace dying

/// In a new worker. A crash handler of the program's own, or of a sanitizer, stays in force instead of ours.
inline void leave_last_words_in(last_words& last) {
    own_worker.last = &last;
    constexpr std::size_t stack_size = 64 << 10;
    stack_t stack{};
    if (sigaltstack(nullptr, &stack) == 0 && (stack.ss_flags & SS_DISABLE)) {
        stack.ss_sp = mmap(nullptr, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        stack.ss_size = stack_size;
        stack.ss_flags = 0;
        if (stack.ss_sp != MAP_FAILED) sigaltstack(&stack, nullptr);
    }
    for (const int each : dying::crashes) {
        struct sigaction action{};
        sigaction(each, nullptr, &action);
        if (dying::is_handled(action)) continue;
        action = {};
        action.sa_sigaction = dying::note_crash;
        action.sa_flags = static_cast<int>(SA_SIGINFO | SA_ONSTACK | SA_RESETHAND);
        sigaction(each, &action, nullptr);
    }
    std::set_terminate(dying::note_terminate);
    // What is registered last is run first.
#ifdef __GLIBC__
    on_exit(dying::note_exit, nullptr);
#else  // musl has atexit only
    std::atexit(dying::note_exit_without_code);
#endif
}

}  // namespace fanout::detail
