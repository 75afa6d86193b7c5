// A call as it is in a worker: tasks come from the coordinator, and what comes of them goes there.
#pragma once

#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "fanout/core/backend.hpp"
#include "fanout/core/clock.hpp"
#include "fanout/core/describe.hpp"
#include "fanout/core/errors.hpp"
#include "fanout/core/lock.hpp"
#include "fanout/core/portable_tasks.hpp"
#include "fanout/processes/ring.hpp"
#include "fanout/processes/system.hpp"
#include "fanout/serialize/exceptions.hpp"
#include "fanout/serialize/memory.hpp"
#include "fanout/tcp/connection.hpp"
#include "fanout/tcp/messages.hpp"
#include "fanout/tcp/remote_function.hpp"

namespace fanout::detail {

/// To the processes that run its tasks it is a job like any other, with an input that is read once; a chunk of tasks is
/// one task there, which goes by the number of its first.
class arrived_run final : public job, public portable_tasks {
public:
    static constexpr const char* works_for = "tcp";

    arrived_run(const run_message& order, int slots, std::shared_ptr<connection> wire)
        : job(std::nullopt, std::nullopt, std::chrono::nanoseconds(order.time_limit)),
          order_(order),
          wire_(std::move(wire)),
          at_work_(whole_pages(static_cast<std::size_t>(slots) * sizeof(std::atomic<std::uint64_t>))) {
        if (!at_work_) throw pool_broken("fanout: the worker has no memory to share with its slots");
    }

    const run_message& order() const noexcept { return order_; }
    void set_function(std::unique_ptr<remote_function> function) { function_ = std::move(function); }

    // --- by the thread that receives -------------------------------------------------------------------------------

    void add(std::string chunk) {
        {
            const lock_guard lock(mutex_);
            arrived_.push_back(std::move(chunk));
        }
        news_.notify_one();
    }

    /// There will be no more. `give_up`: what runs is to be killed.
    void end(bool give_up) {
        void (*wake)(void*) = nullptr;
        void* of = nullptr;
        {
            const lock_guard lock(mutex_);
            ended_ = true;
            if (give_up) {
                stopping_.store(true, std::memory_order_relaxed);
                wake = std::exchange(wake_, nullptr);
                of = of_;
                if (wake) wake(of);  // with the lock, so that whoever takes it back can go
            }
        }
        news_.notify_one();
    }

    /// The coordinator has said that there will be no more: the slots are on their way out.
    bool has_ended() const {
        const lock_guard lock(mutex_);
        return ended_;
    }

    bool has_nothing_to_do() const {
        const lock_guard lock(mutex_);
        return arrived_.empty() && in_hand_.empty();
    }

    // --- job -------------------------------------------------------------------------------------------------------

    task_range claim(std::size_t) noexcept override {
        unique_lock lock(mutex_);
        news_.wait(lock, [this] { return ended_ || stopping() || !arrived_.empty(); });
        if (stopping() || arrived_.empty()) return {};
        current_ = std::move(arrived_.front());
        arrived_.pop_front();
        chunk_header header;
        std::size_t at = 0;
        if (!take_raw(current_, at, header) || header.count == 0) return {};
        try {
            in_hand_[static_cast<std::size_t>(header.first)] = header;
        } catch (...) {
            return {};
        }
        return {static_cast<std::size_t>(header.first), static_cast<std::size_t>(header.first) + 1};
    }

    std::size_t unclaimed() const noexcept override { return static_cast<std::size_t>(-1); }
    void run(task_range, int) noexcept override {}  // they run in other processes

    void when_stopping(void (*wake)(void*), void* of) noexcept override {
        const lock_guard lock(mutex_);
        wake_ = wake;
        of_ = of;
        if (wake_ && stopping()) std::exchange(wake_, nullptr)(of_);
    }

    portable_tasks* portable() noexcept override { return this; }

    /// See supervisor. A chunk of several is not tried again here: its tasks go on one by one.
    int attempts_elsewhere(std::size_t index) const {
        const lock_guard lock(mutex_);
        const auto found = in_hand_.find(index);
        if (found == in_hand_.end()) return 0;
        return found->second.count > 1 ? order_.retries : found->second.attempts;
    }

    // --- in a slot -------------------------------------------------------------------------------------------------

    std::size_t flat_result_size() const noexcept override { return 0; }

    void run_task(const site& at, byte_sink& to) override {
        chunk_header header;
        at.elements->read(&header, sizeof header);
        const auto begun = clock::now();
        result_header result;
        result.run = order_.run;
        result.first = header.first;
        result.slot = static_cast<std::uint32_t>(at.worker);
        result.pid = getpid();
        result.attempts = header.attempts + 1;
        result.kind = header.count == 1 ? result_header::what::value : result_header::what::several;
        to.write(&result, sizeof result);  // which is taken back if the task throws
        if (header.count == 1)
            function_->run(*at.elements, to, at.task_returned);
        else
            run_several(header, at, to);
        const std::int64_t took = std::chrono::nanoseconds(clock::now() - begun).count();
        to.write(&took, sizeof took);
    }

    void write_exception(byte_sink& to) override { write_current_exception(to); }

    // --- in the worker's first process -----------------------------------------------------------------------------

    void write_elements(std::size_t, byte_sink& to) override {
        to.write(current_.data(), current_.size());
        current_ = {};
    }

    void store_written(std::size_t index, byte_source& result) override {
        forward(index, {}, result);
        forget(index);
    }

    void store_exception(failure known, byte_source& exception) override {
        result_header header;
        header.run = order_.run;
        header.first = known.index;
        header.kind = result_header::what::exception;
        header.slot = static_cast<std::uint32_t>(known.worker);
        header.pid = known.pid;
        header.attempts = known.attempts;
        std::string beginning;
        append_raw(beginning, header);
        forward(known.index, std::move(beginning), exception);
        forget(known.index);
    }

    void store_failure(failure why) noexcept override {
        try {
            const chunk_header header = forget(why.index);
            if (why.type == "fanout::pool_broken") return;  // the whole run fails, and says so
            if (header.count > 1) {
                const returned_message back{order_.run, why.index, at_work(why.worker).load(std::memory_order_relaxed)};
                wire_->send(frame_type::returned, why.index, packed(back));
                return;
            }
            failed_message message;
            message.run = order_.run;
            message.index = why.index;
            message.overdue = why.type == "fanout::task_timeout";
            message.type = std::move(why.type);
            message.what = std::move(why.what);
            message.text = text_of(why.exception);
            message.signal = why.signal;
            message.attempts = why.attempts;
            message.slot = why.worker;
            message.pid = why.pid;
            message.peak_memory = why.peak_memory;
            wire_->send(frame_type::failed, why.index, packed(message));
        } catch (...) {  // no memory: the coordinator hears nothing of it until this worker ends
        }
    }

    bool collects_failures() const noexcept override { return order_.collects_failures; }

    void store_flat(std::size_t, std::size_t, const void*) noexcept override {}  // there are none
    [[noreturn]] void rethrow(byte_source& exception) override {
        std::rethrow_exception(read_exception(exception).exception);
    }

private:
    static std::string text_of(const std::exception_ptr& exception) {
        try {
            if (exception) std::rethrow_exception(exception);
        } catch (...) {
            return current_exception_text();
        }
        return {};
    }

    std::atomic<std::uint64_t>& at_work(int slot) const noexcept {
        return static_cast<std::atomic<std::uint64_t>*>(static_cast<void*>(at_work_.data()))[slot];
    }

    void run_several(const chunk_header& header, const site& at, byte_sink& to) {
        std::string task;
        memory_sink result;
        for (std::size_t i = 0; i < header.count; ++i) {
            at_work(at.worker).store(header.first + i, std::memory_order_relaxed);
            std::uint32_t length = 0;
            at.elements->read(&length, sizeof length);
            task.resize(length);
            at.elements->read(task.data(), length);
            memory_source elements(task.data(), task.size());
            std::uint8_t is_exception = 0;
            result.clear();
            try {
                function_->run(elements, result, at.task_returned);
            } catch (...) {
                at.task_returned();
                is_exception = 1;
                result.clear();
                write_current_exception(result);
            }
            const auto size = static_cast<std::uint32_t>(result.size());
            to.write(&is_exception, 1);
            to.write(&size, sizeof size);
            to.write(result.data(), result.size());
        }
    }

    /// As the bytes come out of the ring. If they break off, the coordinator is told to forget them.
    void forward(std::size_t index, std::string beginning, byte_source& from) {
        auto& ring = static_cast<ring_reader&>(from);  // what a supervisor of processes reads from
        frame part{frame_type::result, false, false, index, std::move(beginning)};
        bool begun = false;
        try {
            while (!ring.is_at_end()) {
                if (part.payload.size() >= frame::longest) {
                    begun = true;
                    wire_->send_when_there_is_room(std::exchange(part, {frame_type::result, false, false, index, {}}));
                }
                const std::size_t before = part.payload.size();
                if (before > 0) part.payload.reserve(frame::longest);  // it is a long one
                const std::size_t room = frame::longest - before;
                const std::size_t size = ring.ready() < room ? ring.ready() : room;
                part.payload.resize(before + size);
                ring.read(part.payload.data() + before, size);
            }
        } catch (...) {
            if (begun) wire_->send({frame_type::result, true, true, index, {}});
            throw;
        }
        part.last = true;
        wire_->send_when_there_is_room(std::move(part));
    }

    chunk_header forget(std::size_t index) {
        const lock_guard lock(mutex_);
        const auto found = in_hand_.find(index);
        if (found == in_hand_.end()) return {};
        const chunk_header header = found->second;
        in_hand_.erase(found);
        return header;
    }

    const run_message order_;
    const std::shared_ptr<connection> wire_;
    std::unique_ptr<remote_function> function_;
    shared_pages at_work_;  // which task of its chunk each slot is at
    std::string current_;   // the chunk that was claimed last; for the thread that claims

    mutable mutex mutex_;
    condition_variable news_;
    std::deque<std::string> arrived_;
    std::map<std::size_t, chunk_header> in_hand_;
    bool ended_ = false;
    void (*wake_)(void*) = nullptr;
    void* of_ = nullptr;
};

}  // namespace fanout::detail
