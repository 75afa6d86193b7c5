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
#include "fanout/core/exchanged.hpp"
#include "fanout/core/lock.hpp"
#include "fanout/core/owned.hpp"
#include "fanout/core/portable_tasks.hpp"
#include "fanout/core/string_sink.hpp"
#include "fanout/processes/other_libraries.hpp"
#include "fanout/processes/ring.hpp"
#include "fanout/processes/system.hpp"
#include "fanout/processes/task_supply.hpp"
#include "fanout/serialize/exceptions.hpp"
#include "fanout/serialize/memory.hpp"
#include "fanout/tcp/chunk_fates.hpp"
#include "fanout/tcp/company.hpp"
#include "fanout/tcp/connection.hpp"
#include "fanout/tcp/messages.hpp"
#include "fanout/tcp/output_relay.hpp"
#include "fanout/tcp/remote_function.hpp"
#include "fanout/tcp/reported_times.hpp"
#include "fanout/tcp/result_forwarding.hpp"

namespace fanout::detail {

/// To the processes that run its tasks it is a job with an input that is read once, of which it has the next tasks at
/// hand; a chunk of tasks is one task there, which goes by the number of its first.
///
/// When all is done the slots stay, for forking them takes longer than many a call: the next call takes this one over
/// if it has the same terms. Its function goes to the slots with its tasks. What they have printed they write out after
/// each chunk.
class arrived_run final : public job, public portable_tasks, public task_supply {
public:
    arrived_run(const run_message& order, int slots, std::shared_ptr<connection> wire,
                const output_relay* output = nullptr)
        : job(std::nullopt, std::nullopt, std::chrono::nanoseconds(order.time_limit)),
          order_(order),
          collects_failures_(order.collects_failures),
          wants_times_(order.wants_times),
          first_(order.run),
          wire_(std::move(wire)),
          output_(output),
          times_(wire_),
          at_work_(whole_pages(static_cast<std::size_t>(slots) * sizeof(std::atomic<std::uint64_t>))),
          fates_(static_cast<std::size_t>(8 * slots + 16)) {
        if (!at_work_ || !fates_.are_there())
            throw pool_broken("fanout: the worker has no memory to share with its slots");
        times_.begin(order.run);
    }

    /// Any thread.
    run_message order() const {
        const lock_guard lock(mutex_);
        return order_;
    }

    /// Before the slots are forked.
    void set_function(std::unique_ptr<remote_function> function) { function_ = std::move(function); }

    // --- by the thread that receives -------------------------------------------------------------------------------

    /// False if it is of another run, or makes no sense.
    bool add(std::string chunk) {
        chunk_header header;
        std::size_t at = 0;
        {
            const lock_guard lock(mutex_);
            if (!take_raw(chunk, at, header) || header.run != order_.run || header.count == 0) return false;
            const auto here = in_hand_.find(static_cast<std::size_t>(header.first));
            if (here != in_hand_.end() && here->second.header == header &&
                fates_.change(here->second.place, fate::given_back, fate::waiting))
                return true;
            arrived_.push_back(std::move(chunk));
        }
        tell_of_more();
        return true;
    }

    /// What no slot has begun goes back to the coordinator.
    void give_back_unbegun(std::uint64_t run) {
        const lock_guard lock(mutex_);
        if (order_.run != run) return;
        const auto say = [&](std::uint64_t first) {
            wire_->send(frame_type::revoked, first, packed(revoked_message{run, first}));
        };
        for (auto& each : in_hand_)
            if (fates_.change(each.second.place, fate::waiting, fate::given_back)) say(each.first);
        for (const std::string& each : arrived_) {
            chunk_header header;
            std::size_t at = 0;
            if (take_raw(each, at, header)) say(header.first);
        }
        arrived_.clear();
    }

    bool is_run(std::uint64_t number) const {
        const lock_guard lock(mutex_);
        return order_.run == number;
    }

    /// From now on this is the run that `next` says. False: its slots cannot do that. `code` makes the function.
    bool take_over(const run_message& next, const void* code) {
        const lock_guard lock(mutex_);
        const bool same_terms = next.n_jobs == order_.n_jobs && next.time_limit == order_.time_limit &&
                                next.retries == order_.retries && next.collects_failures == order_.collects_failures &&
                                next.wants_times == order_.wants_times;
        // The limit is for what is allocated beyond what a slot begins with, so it has to begin.
        const bool no_fence = next.memory_limit == 0 && order_.memory_limit == 0;
        const bool idle = !ended_ && arrived_.empty() && in_hand_.empty();
        const bool can_go_along = next.name.empty() && next.function.size() <= longest_function;
        if (!same_terms || !no_fence || !idle || !can_go_along) return false;
        order_ = next;
        times_.begin(next.run);
        code_ = code;
        return true;
    }

    /// There will be no more, and the slots leave. `give_up`: what runs is to be killed.
    void end(bool give_up) {
        void (*wake)(void*) = nullptr;
        void* of = nullptr;
        {
            const lock_guard lock(mutex_);
            ended_ = true;
            if (give_up) {
                stopping_.store(true, std::memory_order_relaxed);
                wake = exchanged(wake_, nullptr);
                of = of_;
                if (wake) wake(of);  // with the lock, so that whoever takes it back can go
            }
        }
        tell_of_more();
    }

    /// Nobody works at it any more, and no run takes it over. Gives the run that it is of.
    std::uint64_t close() {
        const lock_guard lock(mutex_);
        ended_ = true;
        return order_.run;
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

    // --- the tasks, for the thread that sends them to the slots ----------------------------------------------------

    /// Has `tell(of)` called when more has come, or the end; null takes that back, and then it is not being called any
    /// more.
    void when_more_comes(void (*tell)(void*), void* of) noexcept {
        const lock_guard lock(telling_);
        tell_ = tell;
        told_ = of;
    }

    owned<fed_task> take() override {
        std::string chunk;
        chunk_header header;
        std::size_t at = 0;
        std::uint32_t place = 0;
        {
            const lock_guard lock(mutex_);
            if (stopping() || !may_take()) return {};
            chunk = std::move(arrived_.front());
            arrived_.pop_front();
            take_raw(chunk, at, header);
            place = fates_.take();
            in_hand_[static_cast<std::size_t>(header.first)] = {header, place};
        }
        owned<fed_task> task(new fed_task());
        task->index = static_cast<std::size_t>(header.first);
        string_sink to(task->bytes);
        to.write(&header, sizeof header);
        to.write(&place, sizeof place);
        write_function(header.run, to);
        to.write(chunk.data() + at, chunk.size() - at);
        return task;
    }

    bool is_exhausted() override {
        const lock_guard lock(mutex_);
        if (ended_ && !may_take()) arrived_.clear();  // nobody wants it any more
        return ended_ && arrived_.empty();
    }

    // --- job -------------------------------------------------------------------------------------------------------

    task_range claim(std::size_t) noexcept override { return {}; }  // see take
    std::size_t unclaimed() const noexcept override { return static_cast<std::size_t>(-1); }
    void run(task_range, int) noexcept override {}  // they run in other processes

    void when_stopping(void (*wake)(void*), void* of) noexcept override {
        const lock_guard lock(mutex_);
        wake_ = wake;
        of_ = of;
        if (wake_ && stopping()) exchanged(wake_, nullptr)(of_);
    }

    portable_tasks* portable() noexcept override { return this; }

    run_observer* observer() noexcept override { return wants_times_ ? &times_ : nullptr; }

    /// See supervisor. A chunk of several is not tried again here: its tasks go on one by one.
    int attempts_elsewhere(std::size_t index) const {
        const lock_guard lock(mutex_);
        const auto found = in_hand_.find(index);
        if (found == in_hand_.end()) return 0;
        const chunk_header& header = found->second.header;
        return header.count > 1 ? order_.retries : header.attempts;
    }

    // --- in a slot -------------------------------------------------------------------------------------------------

    std::size_t flat_result_size() const noexcept override { return 0; }

    void run_task(const site& at, byte_sink& to) override {
        if (!exchanged(has_entered_, true) && output_) output_->enter(at.worker);
        chunk_header header;
        at.elements->read(&header, sizeof header);
        std::uint32_t place = 0;
        at.elements->read(&place, sizeof place);
        if (!fates_.change(place, fate::waiting, fate::begun) && fates_.change(place, fate::given_back, fate::passed))
            return;
        result_header result;
        result.run = header.run;
        result.first = header.first;
        if (const std::string why = take_function(header.run, *at.elements); !why.empty()) {
            result.kind = result_header::what::refused;
            to.write(&result, sizeof result);
            writer out(to);
            out(why);
            return;
        }
        const auto begun = clock::now();
        result.slot = static_cast<std::uint32_t>(at.worker);
        result.pid = getpid();
        result.attempts = header.attempts + 1;
        result.kind = header.count == 1 ? result_header::what::value : result_header::what::several;
        to.write(&result, sizeof result);  // which is taken back if the task throws
        if (header.count == 1)
            function_->run(*at.elements, to, at.task_returned);
        else
            run_company(*function_, header, collects_failures_, at, to,
                        [&](std::uint64_t task) { at_work(at.worker).store(task, std::memory_order_relaxed); });
        const std::int64_t took = std::chrono::nanoseconds(clock::now() - begun).count();
        to.write(&took, sizeof took);
        flush_output();
    }

    void write_exception(byte_sink& to) override {
        write_current_exception(to);
        flush_output();
    }

    // --- in the worker's first process -----------------------------------------------------------------------------

    void write_elements(std::size_t, byte_sink&) override {}  // see take

    void store_written(std::size_t index, byte_source& result) override {
        if (!is_given_back(index)) forward(index, {}, result);
        forget(index);
    }

    void store_exception(failure known, byte_source& exception) override {
        result_header header;
        header.run = run_number();
        header.first = known.index;
        header.kind = result_header::what::exception;
        header.slot = static_cast<std::uint32_t>(known.worker);
        header.pid = known.pid;
        header.attempts = known.attempts;
        std::string beginning;
        append_raw(beginning, header);
        forward(known.index, std::move(beginning), exception);
    }

    void store_failure(failure why) noexcept override {
        try {
            const bool was_given_back = is_given_back(why.index);
            const chunk_header header = forget(why.index);
            if (was_given_back) return;
            if (header.count > 1) {
                const returned_message back{run_number(), why.index,
                                            at_work(why.worker).load(std::memory_order_relaxed)};
                wire_->send(frame_type::returned, why.index, packed(back));
                return;
            }
            failed_message message;
            message.run = run_number();
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

    bool collects_failures() const noexcept override { return collects_failures_; }

    void store_flat(std::size_t, std::size_t, const void*) noexcept override {}  // there are none
    [[noreturn]] void rethrow(byte_source& exception) override {
        std::rethrow_exception(read_exception(exception).exception);
    }

private:
    static constexpr std::size_t longest_function = 4096;  // it goes with every chunk

    std::uint64_t run_number() const {
        const lock_guard lock(mutex_);
        return order_.run;
    }

    void write_function(std::uint64_t run, byte_sink& to) const {
        function_header header;
        if (run == first_) return to.write(&header, sizeof header);  // the slots have been forked with it
        const lock_guard lock(mutex_);
        header.make = reinterpret_cast<std::uintptr_t>(code_);
        header.size = order_.function.size();
        to.write(&header, sizeof header);
        to.write(order_.function.data(), order_.function.size());
    }

    /// In a slot. Empty; or why there is no such function.
    std::string take_function(std::uint64_t run, byte_source& from) {
        function_header header;
        from.read(&header, sizeof header);
        if (header.make == 0) return {};
        std::string bytes(static_cast<std::size_t>(header.size), '\0');
        from.read(bytes.data(), bytes.size());
        if (run == run_here_) return {};
        try {
            memory_source source(bytes.data(), bytes.size());
            function_ = reinterpret_cast<make_remote_function*>(header.make)(source);
        } catch (...) {
            return current_exception_text();
        }
        run_here_ = run;
        return {};
    }

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

    void forward(std::size_t index, std::string beginning, byte_source& from) {
        auto& ring = static_cast<ring_reader&>(from);  // what a supervisor of processes reads from
        forward_result(*wire_, ring, index, std::move(beginning), [this, index] {
            const bool is_last = is_last_in_hand();
            forget(index);  // before the coordinator has it, whose next run may come at once
            return is_last;
        });
    }

    /// The coordinator may be waiting for this one.
    bool is_last_in_hand() const {
        const lock_guard lock(mutex_);
        return arrived_.empty() && in_hand_.size() == 1;
    }

    /// Again, if it could not be sent after all.
    chunk_header forget(std::size_t index) {
        const lock_guard lock(mutex_);
        const auto found = in_hand_.find(index);
        if (found == in_hand_.end()) return forgotten_.first == index ? forgotten_ : chunk_header();
        const in_hand its = found->second;
        forgotten_ = its.header;
        in_hand_.erase(found);
        fates_.release(its.place);
        return its.header;
    }

    bool is_given_back(std::size_t index) const {
        const lock_guard lock(mutex_);
        const auto found = in_hand_.find(index);
        if (found == in_hand_.end()) return false;
        const fate its = fates_.of(found->second.place);
        return its == fate::given_back || its == fate::passed;
    }

    /// What was given back and has come again waits until the slots have let go of it.
    bool may_take() const {
        chunk_header header;
        std::size_t at = 0;
        return !arrived_.empty() && take_raw(arrived_.front(), at, header) &&
               in_hand_.count(static_cast<std::size_t>(header.first)) == 0;
    }

    void tell_of_more() noexcept {
        const lock_guard lock(telling_);  // so that whoever takes it back can go
        if (tell_) tell_(told_);
    }

    run_message order_;
    const bool collects_failures_, wants_times_;  // of all runs that it is taken over for
    const std::uint64_t first_;                   // the run that the slots have been forked in
    const std::shared_ptr<connection> wire_;
    const output_relay* const output_;
    times_for_coordinator times_;
    bool has_entered_ = false;                   // in a slot: what it prints is relayed
    std::unique_ptr<remote_function> function_;  // in a slot it is that of run_here_
    std::uint64_t run_here_ = first_;
    const void* code_ = nullptr;
    shared_pages at_work_;  // which task of its chunk each slot is at

    mutable mutex mutex_;
    std::deque<std::string> arrived_;
    struct in_hand {
        chunk_header header;
        std::uint32_t place = 0;  // of its fate
    };
    std::map<std::size_t, in_hand> in_hand_;
    chunk_header forgotten_;  // what has left last
    chunk_fates fates_;
    bool ended_ = false;
    void (*wake_)(void*) = nullptr;
    void* of_ = nullptr;

    mutex telling_;  // of its own: who is told wants the other one at once
    void (*tell_)(void*) = nullptr;
    void* told_ = nullptr;
};

}  // namespace fanout::detail
