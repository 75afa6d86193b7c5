// A backend for fanout over a thread pool that a program has already.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <fanout/fanout.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

// Stands for yours: anything that runs a function on one of its threads, some time later.
class thread_pool {
public:
    explicit thread_pool(int threads) {
        for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
    }
    ~thread_pool() {
        {
            const std::lock_guard lock(mutex_);
            closed_ = true;
        }
        news_.notify_all();
    }

    void submit(std::function<void()> task) {
        {
            const std::lock_guard lock(mutex_);
            tasks_.push_back(std::move(task));
        }
        news_.notify_one();
    }

private:
    void work() {
        for (;;) {
            std::unique_lock lock(mutex_);
            news_.wait(lock, [this] { return closed_ || !tasks_.empty(); });
            if (tasks_.empty()) return;
            const auto task = std::move(tasks_.front());
            tasks_.pop_front();
            lock.unlock();
            task();
        }
    }

    std::mutex mutex_;
    std::condition_variable news_;
    std::deque<std::function<void()>> tasks_;
    bool closed_ = false;
    std::vector<std::jthread> threads_;
};

// The caller works too, and waits only for those that have come: so a call inside of a task ends, also when all threads
// of the pool are waiting in such calls. Who comes too late finds the call closed, and touches nothing of it.
class pool_backend {
public:
    static constexpr const char* name = "pool";

    explicit pool_backend(thread_pool& pool) : pool_(&pool) {}

    void run(fanout::job& work, int n_jobs) const {
        const auto call = std::make_shared<visitors>();
        try {
            for (int worker = 1; worker < n_jobs; ++worker)
                pool_->submit([call, &work, worker] {
                    if (!call->enter()) return;
                    work_off(work, worker);
                    call->leave();
                });
        } catch (const std::exception&) {
            // The pool takes no more: those that it took are enough.
        }
        work_off(work, 0);
        call->close();
    }

private:
    static void work_off(fanout::job& work, int worker) {
        while (const auto tasks = work.claim(work.batch_size().value_or(1))) work.run(tasks, worker);
    }

    class visitors {
    public:
        bool enter() {
            const std::lock_guard lock(mutex_);
            inside_ += !closed_;
            return !closed_;
        }
        void leave() {
            const std::lock_guard lock(mutex_);
            if (--inside_ == 0) empty_.notify_one();
        }
        void close() {
            std::unique_lock lock(mutex_);
            closed_ = true;
            empty_.wait(lock, [this] { return inside_ == 0; });
        }

    private:
        std::mutex mutex_;
        std::condition_variable empty_;
        int inside_ = 0;
        bool closed_ = false;
    };

    thread_pool* pool_;
};
