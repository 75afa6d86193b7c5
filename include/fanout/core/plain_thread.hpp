// A thread that runs a plain function. All of fanout's threads are of this kind.
#pragma once

#include <pthread.h>

#include <atomic>
#include <exception>
#include <system_error>

#include "fanout/core/exchanged.hpp"

namespace fanout::detail {

/// The threads of fanout's own that there are, counted from before they start. Whoever forks knows that these hold no
/// locks but those of tasks.
inline constinit std::atomic<int> own_threads = 0;
inline constinit thread_local bool is_own_thread = false;

/// Lives on the stack of one of fanout's own threads, as long as that runs.
class own_thread_mark {
public:
    own_thread_mark() noexcept { is_own_thread = true; }
    own_thread_mark(const own_thread_mark&) = delete;
    own_thread_mark& operator=(const own_thread_mark&) = delete;
    ~own_thread_mark() { own_threads.fetch_sub(1, std::memory_order_relaxed); }
};

/// Why not std::thread: its constructor is a template that everybody who includes fanout would compile, and Clang 19
/// forgets to emit parts of it that are first needed in another template.
class plain_thread {
public:
    plain_thread() = default;

    /// Starts it; `run` begins with an own_thread_mark. Throws `std::system_error` if the system has no more threads to
    /// give.
    plain_thread(void* (*run)(void*), void* of) : running_(true) {
        own_threads.fetch_add(1, std::memory_order_relaxed);
        const int error = pthread_create(&thread_, nullptr, run, of);
        if (error == 0) return;
        own_threads.fetch_sub(1, std::memory_order_relaxed);
        throw std::system_error(error, std::generic_category(), "fanout: no thread could be started");
    }

    plain_thread(plain_thread&& moved) noexcept : thread_(moved.thread_), running_(exchanged(moved.running_, false)) {}
    plain_thread& operator=(plain_thread&& moved) noexcept {
        if (running_) std::terminate();  // as std::thread does: who lost track of a thread has lost what it works on
        thread_ = moved.thread_;
        running_ = exchanged(moved.running_, false);
        return *this;
    }
    ~plain_thread() {
        if (running_) std::terminate();
    }

    bool joinable() const noexcept { return running_; }
    pthread_t handle() const noexcept { return thread_; }

    void join() {
        pthread_join(thread_, nullptr);
        running_ = false;
    }

    void detach() {
        pthread_detach(thread_);
        running_ = false;
    }

private:
    pthread_t thread_ = {};
    bool running_ = false;
};

}  // namespace fanout::detail
