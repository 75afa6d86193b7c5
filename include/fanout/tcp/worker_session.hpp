// A worker that has found its coordinator: does what it says, until it has nothing more to say.
#pragma once

#include <poll.h>
#include <pthread.h>
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

#include "fanout/core/cpu_count.hpp"
#include "fanout/core/errors.hpp"
#include "fanout/core/lock.hpp"
#include "fanout/launch/local.hpp"
#include "fanout/processes/settings.hpp"
#include "fanout/processes/supervisor.hpp"
#include "fanout/tcp/address.hpp"
#include "fanout/tcp/arrived_run.hpp"
#include "fanout/tcp/function_key.hpp"
#include "fanout/tcp/hub.hpp"
#include "fanout/tcp/messages.hpp"
#include "fanout/tcp/remote_function.hpp"
#include "fanout/tcp/shared.hpp"

namespace fanout::detail {

struct worker_settings {
    int slots = 1;
    clock::duration grace = std::chrono::seconds(25);
    int lifeline = -1;  // a descriptor at whose end the worker ends: the one who has started it is gone
    long parent = 0;    // ends when this is not its parent any more; 0: that is not looked at
    std::optional<clock::time_point> end_of_life = {};
};

/// Whether whoever held the other end has let go.
inline bool has_reached_its_end(int descriptor) noexcept {
    if (descriptor < 0) return false;
    pollfd there{descriptor, POLLIN, 0};
    if (poll(&there, 1, 0) <= 0) return false;
    char dropped[256];
    return read(descriptor, dropped, sizeof dropped) == 0;
}

/// The connection belongs to this process: what tasks start, and what stays behind, must not keep it open.
inline constinit std::atomic<int> connection_to_close_in_children = -1;

inline void close_connection_in_children() {
    static const int registered = pthread_atfork(nullptr, nullptr, [] {
        if (const int number = connection_to_close_in_children.load(); number >= 0) close(number);
    });
    static_cast<void>(registered);
}

/// Set by signals: the worker is to end, now or when what runs has ended.
inline constinit std::atomic<int> asked_to_leave = 0;

/// One connection. A thread of its own talks; this one, which has no other thread's locks to fear, forks the slots.
class worker_session final : hub_owner {
public:
    enum class end { shut_down, lost, wrong_key, rejected, drained, killed_after_grace };

    explicit worker_session(const worker_settings& how) : how_(how), hub_(*this) {}

    /// Talks through this socket until it is over.
    end serve(descriptor socket, const conversation& talk) {
        connection_to_close_in_children = socket.number();
        close_connection_in_children();
        wire_ = hub_.add(std::move(socket), talk);
        hub_.start();
        for (;;) {
            std::shared_ptr<arrived_run> next;
            {
                unique_lock lock(mutex_);
                news_.wait(lock, [this] { return over_ || !runs_.empty(); });
                if (over_) break;
                next = runs_.front();
            }
            work_off(*next);
            const lock_guard lock(mutex_);
            runs_.pop_front();
        }
        hub_.stop();
        connection_to_close_in_children = -1;
        return *over_;
    }

    bool was_welcome() const noexcept { return welcome_; }
    const std::string& why() const noexcept { return why_; }

private:
    // --- by the thread that forks ----------------------------------------------------------------------------------

    void work_off(arrived_run& run) {
        const run_message& order = run.order();
        try {
            take_in_shared_values();
            memory_source function(order.function.data(), order.function.size());
            auto* const make =
                reinterpret_cast<make_remote_function*>(reinterpret_cast<std::uintptr_t>(find_code(order.code)));
            run.set_function(make(function));
        } catch (const std::exception& e) {
            wire_->send(frame_type::run_failed, 0, packed(run_failed_message{order.run, true, e.what()}));
            return tell_end(order.run);
        }
        process_settings settings;
        settings.workers = how_.slots;
        settings.n_jobs = how_.slots;
        settings.retries = order.retries;
        if (order.memory_limit > 0) settings.memory_limit = static_cast<std::size_t>(order.memory_limit);
        const int share = cpu_count() / how_.slots;
        settings.inner_threads = share > 1 ? share : 1;
        try {
            supervisor<arrived_run>(run, run, settings).run();
        } catch (const std::exception& e) {
            wire_->send(frame_type::run_failed, 0, packed(run_failed_message{order.run, false, e.what()}));
        }
        tell_end(order.run);
    }

    void tell_end(std::uint64_t run) { wire_->send(frame_type::run_ended, 0, packed(run_end_message{run, false})); }

    /// Before the slots are forked, which find them there.
    void take_in_shared_values() {
        std::deque<std::pair<std::uint64_t, shared_message>> arrived;
        {
            const lock_guard lock(mutex_);
            arrived.swap(shared_);
        }
        for (const auto& each : arrived) {
            shared_values::put(each.first, nullptr);
            if (each.second.code.module.empty()) continue;  // it is gone in the coordinator too
            auto* const make =
                reinterpret_cast<make_shared_value*>(reinterpret_cast<std::uintptr_t>(find_code(each.second.code)));
            memory_source bytes(each.second.value.data(), each.second.value.size());
            shared_values::put(each.first, make(bytes));
        }
    }

    // --- by the hub's thread ---------------------------------------------------------------------------------------

    void established(const std::shared_ptr<connection>& with) override {
        hello_message hello;
        hello.host = host_name();
        hello.pid = getpid();
        hello.program = own_path();
        hello.identity = own_identity();
        hello.slots = how_.slots;
        with->send(frame_type::hello, 0, packed(hello));
    }

    void received(const std::shared_ptr<connection>& from, frame got) override {
        from->has_used(got.payload.size());
        std::string& whole = partial_[{got.type, got.stream}];
        if (whole.empty())
            whole = std::move(got.payload);
        else
            whole += got.payload;
        if (!got.last) return;
        const std::string message = std::move(whole);
        partial_.erase({got.type, got.stream});
        obey(got.type, got.stream, message);
    }

    void obey(frame_type type, std::uint64_t stream, const std::string& message) {
        switch (type) {
            case frame_type::welcome:
                welcome_ = true;
                break;
            case frame_type::reject: {
                const auto no = unpacked<reject_message>(message);
                why_ = no.why;
                finish(end::rejected);
                break;
            }
            case frame_type::run_begin: {
                auto run = std::make_shared<arrived_run>(unpacked<run_message>(message), how_.slots, wire_);
                const lock_guard lock(mutex_);
                runs_.push_back(std::move(run));
                news_.notify_one();
                break;
            }
            case frame_type::tasks: {
                const std::shared_ptr<arrived_run> last = last_run();
                chunk_header header;
                std::size_t at = 0;
                if (last && take_raw(message, at, header) && header.run == last->order().run) last->add(message);
                break;
            }
            case frame_type::blob: {
                const lock_guard lock(mutex_);
                shared_.emplace_back(stream, unpacked<shared_message>(message));
                break;
            }
            case frame_type::run_end: {
                const auto what = unpacked<run_end_message>(message);
                const std::shared_ptr<arrived_run> last = last_run();
                if (last && last->order().run == what.run) last->end(what.give_up);
                break;
            }
            case frame_type::shutdown:
                finish(end::shut_down);
                break;
            default:
                throw protocol_error("a message that is none for a worker");
        }
    }

    std::shared_ptr<arrived_run> last_run() {
        const lock_guard lock(mutex_);
        return runs_.empty() ? nullptr : runs_.back();
    }

    void closed(const std::shared_ptr<connection>&, const std::string& why, bool with_key) override {
        connection_to_close_in_children = -1;
        if (why_.empty()) why_ = why.empty() ? "the coordinator has closed the connection" : why;
        finish(with_key ? end::wrong_key : end::lost);
    }

    void tick(clock::time_point now) override {
        if (how_.parent != 0 && getppid() != how_.parent) {
            why_ = "the process that has started this worker is gone";
            finish(end::lost);
        }
        if (has_reached_its_end(how_.lifeline)) {
            why_ = "whoever has started this worker is gone";
            finish(end::drained);
        }
        const bool is_old = how_.end_of_life && now >= *how_.end_of_life;
        const int wish = asked_to_leave.load(std::memory_order_relaxed);
        if (wish == 0 && !is_old) return;
        if (wish == 2) return finish(end::drained);  // its place is gone
        if (!leaving_since_) {
            leaving_since_ = now;
            if (wire_) wire_->send(frame_type::drain, 0, packed(drain_message{is_old ? "end of life" : "signal"}));
        }
        const std::shared_ptr<arrived_run> last = last_run();
        if (!last || last->has_nothing_to_do()) return finish(end::drained);
        if (now - *leaving_since_ >= how_.grace) finish(end::killed_after_grace);
    }

    void finish(end how) {
        std::deque<std::shared_ptr<arrived_run>> runs;
        {
            const lock_guard lock(mutex_);
            if (!over_) over_ = how;
            runs = runs_;
        }
        for (const auto& each : runs)
            if (!each->has_ended())
                each->end(true);  // slots of a run that is over still write out what they have printed
        news_.notify_one();
    }

    const worker_settings how_;
    std::map<std::pair<frame_type, std::uint64_t>, std::string> partial_;  // for the hub's thread
    std::optional<clock::time_point> leaving_since_;
    std::atomic<bool> welcome_ = false;
    std::string why_;

    mutex mutex_;
    condition_variable news_;
    std::deque<std::shared_ptr<arrived_run>> runs_;
    std::deque<std::pair<std::uint64_t, shared_message>> shared_;
    std::optional<end> over_;
    std::shared_ptr<connection> wire_;
    hub hub_;
};

}  // namespace fanout::detail
