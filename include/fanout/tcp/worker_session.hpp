// A worker that has found its coordinator: does what it says, until it has nothing more to say.
#pragma once

#include <poll.h>
#include <pthread.h>
#include <signal.h>
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
#include <vector>

#include "fanout/core/cpu_count.hpp"
#include "fanout/core/describe.hpp"
#include "fanout/core/errors.hpp"
#include "fanout/core/lock.hpp"
#include "fanout/launch/exit_codes.hpp"
#include "fanout/launch/local.hpp"
#include "fanout/processes/settings.hpp"
#include "fanout/processes/supervisor.hpp"
#include "fanout/tcp/address.hpp"
#include "fanout/tcp/arrived_run.hpp"
#include "fanout/tcp/arriving_value.hpp"
#include "fanout/tcp/function_key.hpp"
#include "fanout/tcp/hub.hpp"
#include "fanout/tcp/messages.hpp"
#include "fanout/tcp/output_relay.hpp"
#include "fanout/tcp/registered_function.hpp"
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
        // Once: in a child of the child the number may be somebody else's.
        if (const int number = connection_to_close_in_children.exchange(-1); number >= 0) close(number);
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
        shared_values::remove_received();
        connection_to_close_in_children = socket.number();
        close_connection_in_children();
        wire_ = hub_.add(std::move(socket), talk);
        output_.emplace(how_.slots, wire_);
        hub_.start();
        for (;;) {
            std::shared_ptr<arriving_value> value;
            std::shared_ptr<arrived_run> run;
            {
                unique_lock lock(mutex_);
                news_.wait(lock, [this] { return over_ || !runs_.empty() || !shared_.empty(); });
                if (over_) break;
                if (!shared_.empty())  // first, so that the slots are forked with it
                    value = shared_.front();
                else
                    run = runs_.front();
            }
            value ? take_in(*value) : work_off(*run);
            const lock_guard lock(mutex_);
            value ? shared_.pop_front() : runs_.pop_front();
        }
        output_->stop();
        clock::duration goodbye{};
        {
            const lock_guard lock(mutex_);
            goodbye = goodbye_;
        }
        hub_.stop(hub::goodbye::when_arrived, goodbye);
        connection_to_close_in_children = -1;
        return *over_;
    }

    /// Of the process that ends like this.
    static constexpr int exit_code_of(end how) noexcept {
        switch (how) {
            case end::lost:
                return exit_codes::coordinator_lost;
            case end::wrong_key:
                return exit_codes::wrong_key;
            case end::rejected:
                return exit_codes::rejected;
            case end::killed_after_grace:
                return exit_codes::killed_after_grace;
            case end::shut_down:
            case end::drained:
                break;
        }
        return exit_codes::done;
    }

    bool was_welcome() const noexcept { return welcome_; }
    const std::string& why() const noexcept { return why_; }

private:
    // --- by the thread that forks ----------------------------------------------------------------------------------

    void work_off(arrived_run& run) {
        const run_message order = run.order();
        try {
            const in_codec meanwhile(reads_with_codec_);
            for (const std::uint64_t each : order.shared)
                if (const auto found = unreadable_.find(each); found != unreadable_.end())
                    std::rethrow_exception(found->second);
            memory_source function(order.function.data(), order.function.size());
            if (order.name.empty()) {
                auto* const make =
                    reinterpret_cast<make_remote_function*>(reinterpret_cast<std::uintptr_t>(find_code(order.code)));
                run.set_function(make(function));
            } else {
                run.set_function(find_by_name(order.name));
            }
        } catch (...) {
            tell_failure(run.close(), true);
            return tell_end(run);
        }
        process_settings settings;
        settings.workers = how_.slots;
        settings.n_jobs = order.n_jobs;
        settings.first_slot = first_slot_;
        settings.backend = "tcp";
        settings.retries = order.retries;
        settings.spin = {};  // the next task has to come through two threads, which want the CPU
        if (order.memory_limit > 0) settings.memory_limit = static_cast<std::size_t>(order.memory_limit);
        const int share = cpu_count() / how_.slots;
        settings.inner_threads = share > 1 ? share : 1;
        static const worker_initializer steadfast = stay_when_told_to_leave;
        settings.initializer = &steadfast;
        try {
            supervisor<arrived_run>(run, run, settings).run();
        } catch (...) {
            tell_failure(run.close(), false);
        }
        tell_end(run);
    }

    /// Of the exception being handled.
    void tell_failure(std::uint64_t run, bool cannot_be_sent) {
        constexpr std::size_t longest = 16 << 10;  // one frame, whatever the user's code says
        wire_->send(frame_type::run_failed, 0,
                    packed(run_failed_message{run, cannot_be_sent, current_exception_text().substr(0, longest)}));
    }

    static std::unique_ptr<remote_function> find_by_name(const std::string& key) {
        const registered_function* const entry = registered_function::find(key);
        if (!entry)
            throw serialization_error(
                concat({"fanout: the worker, ", own_path(), ", has registered no function as ", key,
                        "; both builds need a FANOUT_REGISTER of this name, with the same parameters and result"}));
        return entry->make();
    }

    /// In a slot. An engine tells all processes of its job at once that they have to leave, and what the tasks make of
    /// that is for the worker to decide. What a task starts takes such a signal as ever.
    static void stay_when_told_to_leave() {
        struct sigaction action{};
        action.sa_handler = [](int) {};
        action.sa_flags = SA_RESTART;
        for (const int each : {SIGTERM, SIGUSR1}) sigaction(each, &action, nullptr);
    }

    void tell_end(const arrived_run& run) {
        wire_->send(frame_type::run_ended, 0, packed(run_end_message{run.order().run}));
    }

    static bool has_all(const std::vector<std::uint64_t>& shared) noexcept {
        for (const std::uint64_t each : shared)
            if (!shared_values::find(each)) return false;
        return true;
    }

    /// What goes wrong is for the runs that need the value to tell.
    void take_in(arriving_value& value) {
        shared_values::remove(value.number());
        unreadable_.erase(value.number());
        try {
            const in_codec meanwhile(reads_with_codec_);
            const shared_message head = value.read_head();
            if (!head.code.module.empty()) {  // else it is gone in the coordinator too
                auto* const make =
                    reinterpret_cast<make_shared_value*>(reinterpret_cast<std::uintptr_t>(find_code(head.code)));
                shared_values::put(value.number(), make(value));
            }
        } catch (...) {
            unreadable_[value.number()] = std::current_exception();
        }
        value.forget_rest();
    }

    // --- by the hub's thread ---------------------------------------------------------------------------------------

    void established(const std::shared_ptr<connection>& with) override {
        hello_message hello;
        hello.host = host_name();
        hello.pid = getpid();
        hello.program = own_path();
        hello.identity = own_identity();
        hello.slots = how_.slots;
        hello.places = callable_code::hash_of_places();
        hello.has_named_functions = registered_function::any();
        with->send(frame_type::hello, 0, packed(hello));
        has_said_hello_ = true;
    }

    void received(const std::shared_ptr<connection>& from, frame got) override {
        if (got.type == frame_type::blob) return pass_on(std::move(got));
        from->has_used(got.payload.size());
        std::string& whole = partial_[{got.type, got.stream}];
        if (whole.empty()) {
            whole = std::move(got.payload);
        } else {
            whole += got.payload;
        }
        if (!got.last) return;
        std::string message = std::move(whole);
        partial_.erase({got.type, got.stream});
        obey(got.type, std::move(message));
    }

    /// A part of a shared value.
    void pass_on(frame part) {
        const auto known = arriving_.find(part.stream);
        const bool is_first = known == arriving_.end();
        const auto value = is_first ? std::make_shared<arriving_value>(part.stream, wire_) : known->second;
        if (is_first) {
            arriving_[part.stream] = value;
            // Who is sent a value gets a new call next, whose slots are forked with it; until then it waits to be read.
            end_for_next(last_run());
            {
                const lock_guard lock(mutex_);
                shared_.push_back(value);
            }
            news_.notify_one();
        }
        value->put(std::move(part.payload), part.last);
        if (part.last) arriving_.erase(part.stream);
    }

    void obey(frame_type type, std::string message) {
        switch (type) {
            case frame_type::welcome:
                first_slot_ = unpacked<welcome_message>(message).first_slot;
                welcome_ = true;
                break;
            case frame_type::reject: {
                const auto no = unpacked<reject_message>(message);
                why_ = no.why;
                finish(end::rejected);
                break;
            }
            case frame_type::run_begin:
                begin_run(unpacked<run_message>(message));
                break;
            case frame_type::tasks:
                if (const std::shared_ptr<arrived_run> last = last_run()) last->add(std::move(message));
                break;
            case frame_type::revoke: {
                const auto what = unpacked<run_end_message>(message);
                if (const std::shared_ptr<arrived_run> last = last_run()) last->give_back_unbegun(what.run);
                break;
            }
            case frame_type::run_end: {
                const auto what = unpacked<run_end_message>(message);
                const std::shared_ptr<arrived_run> last = last_run();
                if (last && last->is_run(what.run)) last->end(true);
                break;
            }
            case frame_type::drained:
                may_leave_ = true;
                break;
            case frame_type::shutdown:
                finish(end::shut_down);
                break;
            default:
                throw protocol_error("a message that is none for a worker");
        }
    }

    void begin_run(const run_message& order) {
        const std::shared_ptr<arrived_run> last = last_run();
        const auto goes_on = [&] {
            const lock_guard lock(mutex_);
            // Slots have the shared values that were there when they were forked.
            return last && shared_.empty() && has_all(order.shared);
        };
        try {
            // The code of a function that goes by a name is not what makes it, so that its slots are forked with it.
            if (order.name.empty() && goes_on() && last->take_over(order, find_code(order.code))) return;
        } catch (const serialization_error&) {  // which whoever forks will find as well, and tell
        }
        end_for_next(last);
        auto run = std::make_shared<arrived_run>(order, how_.slots, wire_, &*output_);
        {
            const lock_guard lock(mutex_);
            runs_.push_back(std::move(run));
        }
        news_.notify_one();
    }

    static void end_for_next(const std::shared_ptr<arrived_run>& last) {
        if (last && !last->has_ended()) last->end(false);
    }

    /// A shared value.
    bool is_reading() {
        const lock_guard lock(mutex_);
        return !shared_.empty();
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
            leave_at_once(end::lost, now);
        }
        if (has_reached_its_end(how_.lifeline)) {
            why_ = "whoever has started this worker is gone";
            leave_at_once(end::drained, now);
        }
        const bool is_old = how_.end_of_life && now >= *how_.end_of_life;
        const int wish = asked_to_leave.load(std::memory_order_relaxed);
        if (wish == 0 && !is_old) return;
        if (wish == 2) return leave_at_once(end::drained, now);  // its place is gone
        if (!leaving_since_) {
            leaving_since_ = quiet_since_ = now;
            if (!has_said_hello_) return finish(end::drained);
            wire_->send(frame_type::drain, 0, packed(drain_message{is_old ? "end of life" : "signal"}));
        }
        if (now - *leaving_since_ >= how_.grace) return leave_at_once(end::killed_after_grace, now);
        const std::shared_ptr<arrived_run> last = last_run();
        // Until it has been heard more may be on its way here, behind a shared value perhaps that takes its time.
        if (is_reading()) {
            quiet_since_ = now;
            return;
        }
        const bool is_heard = may_leave_ || now - quiet_since_ >= last_words_time;
        if (is_heard && (!last || last->has_nothing_to_do())) return finish(end::drained);
    }

    /// Whether or not the coordinator takes what waits to be sent.
    void leave_at_once(end how, clock::time_point now) {
        wire_->wait_no_more();
        finish(how);
        // What a codec of the user's does cannot be interrupted, and may have no end.
        if (!ending_since_) ending_since_ = now;
        if (reads_with_codec_ && now - *ending_since_ >= std::chrono::milliseconds(200)) _exit(exit_code_of(how));
    }

    void finish(end how) {
        std::deque<std::shared_ptr<arrived_run>> runs;
        {
            const lock_guard lock(mutex_);
            if (!over_ || how == end::killed_after_grace) {
                over_ = how;
                // Results that are finished are worth the rest of the grace.
                if (leaving_since_) goodbye_ = *leaving_since_ + how_.grace - clock::now();
                if (goodbye_ < last_words_time) goodbye_ = last_words_time;
            }
            runs = runs_;
        }
        for (const auto& each : arriving_) each.second->break_off();
        for (const auto& each : runs)
            if (!each->has_ended()) each->end(!each->has_nothing_to_do());  // idle slots leave by themselves
        news_.notify_one();
    }

    static constexpr clock::duration last_words_time = std::chrono::seconds(2);

    /// The thread that forks is in code of the user's.
    class in_codec {
    public:
        explicit in_codec(std::atomic<bool>& note) : note_(note) { note_ = true; }
        in_codec(const in_codec&) = delete;
        in_codec& operator=(const in_codec&) = delete;
        ~in_codec() { note_ = false; }

    private:
        std::atomic<bool>& note_;
    };

    const worker_settings how_;
    std::atomic<bool> reads_with_codec_ = false;
    std::map<std::uint64_t, std::exception_ptr> unreadable_;               // shared values; for the thread that forks
    std::map<std::pair<frame_type, std::uint64_t>, std::string> partial_;  // for the hub's thread, as the next
    std::map<std::uint64_t, std::shared_ptr<arriving_value>> arriving_;
    std::optional<clock::time_point> leaving_since_;
    std::optional<clock::time_point> ending_since_;  // at once
    clock::time_point quiet_since_{};
    bool has_said_hello_ = false;  // for the hub's thread, as the next
    bool may_leave_ = false;
    std::atomic<bool> welcome_ = false;
    std::atomic<int> first_slot_ = 0;
    std::string why_;

    mutex mutex_;
    condition_variable news_;
    std::deque<std::shared_ptr<arrived_run>> runs_;
    std::deque<std::shared_ptr<arriving_value>> shared_;
    std::optional<end> over_;
    clock::duration goodbye_ = last_words_time;
    std::shared_ptr<connection> wire_;
    std::optional<output_relay> output_;
    hub hub_;
};

}  // namespace fanout::detail
