// Input that can be read only once: a thread of the parent reads it, and keeps what the workers will want next.
#pragma once

#include <cstddef>
#include <exception>
#include <utility>

#include "fanout/core/backend.hpp"
#include "fanout/core/lock.hpp"
#include "fanout/core/owned.hpp"
#include "fanout/core/plain_thread.hpp"
#include "fanout/core/portable_tasks.hpp"
#include "fanout/core/string_sink.hpp"
#include "fanout/processes/system.hpp"
#include "fanout/processes/task_supply.hpp"

namespace fanout::detail {

class feeder final : public task_supply {
public:
    feeder(job& work, portable_tasks& tasks, const bell& parent, int most_waiting)
        : work_(work), tasks_(tasks), parent_(parent), most_(most_waiting) {}
    feeder(const feeder&) = delete;
    feeder& operator=(const feeder&) = delete;

    /// Waits until the thread comes back from the user's input.
    ~feeder() {
        {
            const lock_guard lock(mutex_);
            dismissed_ = true;
        }
        room_.notify_one();
        if (thread_.joinable()) thread_.join();
        while (first_) first_ = std::move(first_->next);  // one by one: the list may be long
    }

    void start() { thread_ = plain_thread(read_all_of, this); }

    /// Throws what has ended the thread before the input: no memory.
    owned<fed_task> take() override {
        owned<fed_task> taken;
        {
            const lock_guard lock(mutex_);
            if (!first_ && error_) std::rethrow_exception(error_);
            if (!first_) return taken;
            taken = std::move(first_);
            first_ = std::move(taken->next);
            if (!first_) last_ = nullptr;
            --waiting_;
        }
        room_.notify_one();
        return taken;
    }

    bool is_exhausted() override {
        const lock_guard lock(mutex_);
        return ended_ && !first_;
    }

private:
    static void* read_all_of(void* me) {
        const own_thread_mark mark;
        static_cast<feeder*>(me)->read_all();
        return nullptr;
    }

    void read_all() {
        std::exception_ptr error;
        try {
            while (wait_for_room()) {
                const task_range claimed = work_.claim(1);  // may wait, for the input or for tasks to be finished
                for (std::size_t i = claimed.first; i < claimed.last; ++i) put(read(i));
                if (!claimed) break;
            }
        } catch (...) {
            error = std::current_exception();
        }
        {
            const lock_guard lock(mutex_);
            error_ = std::move(error);
            ended_ = !error_;
        }
        parent_.ring();
    }

    bool wait_for_room() {
        unique_lock lock(mutex_);
        while (waiting_ >= most_ && !dismissed_) room_.wait(lock);
        return !dismissed_;
    }

    owned<fed_task> read(std::size_t index) {
        auto task = owned<fed_task>(new fed_task());
        task->index = index;
        try {
            string_sink sink(task->bytes);
            tasks_.write_elements(index, sink);
        } catch (...) {
            task->broken = std::current_exception();
        }
        return task;
    }

    void put(owned<fed_task> task) {
        {
            const lock_guard lock(mutex_);
            fed_task* const added = task.get();
            (last_ ? last_->next : first_) = std::move(task);
            last_ = added;
            ++waiting_;
        }
        parent_.ring();
    }

    job& work_;
    portable_tasks& tasks_;
    const bell& parent_;
    const int most_;
    mutex mutex_;
    condition_variable room_;
    owned<fed_task> first_;
    fed_task* last_ = nullptr;
    int waiting_ = 0;
    bool ended_ = false;
    std::exception_ptr error_;
    bool dismissed_ = false;
    plain_thread thread_;
};

}  // namespace fanout::detail
