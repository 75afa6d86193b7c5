// One call on a cluster, in the calling thread: sends tasks, takes in what comes of them, makes good what is lost.
#pragma once

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

#include "fanout/core/backend.hpp"
#include "fanout/core/clock.hpp"
#include "fanout/core/concat.hpp"
#include "fanout/core/errors.hpp"
#include "fanout/core/portable_tasks.hpp"
#include "fanout/core/remote_tasks.hpp"
#include "fanout/core/run_observer.hpp"
#include "fanout/processes/verdicts.hpp"
#include "fanout/serialize/memory.hpp"
#include "fanout/tcp/chunk_source.hpp"
#include "fanout/tcp/cluster.hpp"
#include "fanout/tcp/messages.hpp"
#include "fanout/tcp/run_inbox.hpp"
#include "fanout/tcp/run_settings.hpp"
#include "fanout/tcp/schedule.hpp"
#include "fanout/tcp/shared.hpp"
#include "fanout/tcp/shared_delivery.hpp"

namespace fanout::detail {

class remote_run {
public:
    remote_run(job& work, portable_tasks& tasks, remote_tasks& remote, cluster& on, const run_settings& how)
        : work_(work),
          tasks_(tasks),
          remote_(remote),
          cluster_(on),
          how_(how),
          schedule_(rules_of(work, how)),
          input_(work, tasks, remote) {}

    /// Returns when everything has been stored, or the call is ending and nothing of it runs any more.
    void run() {
        prepare();
        order_.run = cluster_.begin_run(inbox_);
        work_.when_stopping([](void* me) { static_cast<remote_run*>(me)->inbox_.ringing().ring(); }, this);
        try {
            input_.begin(inbox_.ringing(), 2 * how_.n_jobs + 2);
            work_off();
        } catch (...) {
            broken_ = std::current_exception();
        }
        end();
        if (work_.observer()) work_.observer()->has_ended(status_);
        if (broken_) std::rethrow_exception(broken_);
    }

private:
    struct member {
        std::shared_ptr<peer> who;
        bool is_hungry = false;
        bool has_ended = false;
    };

    static schedule::rules rules_of(const job& work, const run_settings& how) {
        schedule::rules rules;
        rules.retries = how.retries;
        rules.batch = work.batch_size();
        rules.one_by_one = how.retries == 0 || work.has_time_limit() || !work.size();
        return rules;
    }

    void prepare() {
        memory_sink function;
        remote_.write_function(function);
        order_.function.assign(reinterpret_cast<const char*>(function.data()), function.size());
        order_.code = place_of_code(remote_.code());
        order_.shared = shared_values_in(order_.function);
        order_.retries = how_.retries;
        order_.collects_failures = tasks_.collects_failures();
        order_.memory_limit = how_.memory_limit.value_or(0);
        order_.time_limit = std::chrono::nanoseconds(work_.time_limit()).count();
    }

    void work_off() {
        auto looked = clock::now();
        alone_since_ = looked;
        while (!work_.stopping()) {
            bool news = false;
            while (std::optional<run_event> next = inbox_.take()) {
                handle(std::move(*next));
                news = true;
                if (work_.stopping()) return;
                hand_out();
            }
            hand_out();
            if (is_done() || work_.stopping()) return;
            const auto now = clock::now();
            if (now - looked >= std::chrono::milliseconds(50) || schedule_.workers() == 0) {
                looked = now;
                look_after_workers(now);
            }
            const clock::duration patience = tell_observer();
            const clock::duration nap = std::chrono::milliseconds(schedule_.workers() == 0 ? 20 : 100);
            if (!news) inbox_.sleep(patience < nap ? patience : nap);
        }
    }

    /// How long whoever watches the call can wait for the next news.
    clock::duration tell_observer() noexcept {
        return work_.observer() ? work_.observer()->look(status_) : clock::duration::max();
    }

    bool is_done() { return schedule_.in_flight() == 0 && !schedule_.has_again() && input_.is_exhausted(); }

    // --- tasks out -------------------------------------------------------------------------------------------------

    void hand_out() {
        // Everybody gets one before anybody gets two. Who has room and gets nothing stays in the queue.
        while (!hungry_.empty()) {
            const std::uint64_t number = hungry_.front();
            const auto found = members_.find(number);
            if (found == members_.end() || !schedule_.has_room(number, left())) {
                hungry_.pop_front();
                if (found != members_.end()) found->second.is_hungry = false;
                continue;
            }
            std::optional<task_chunk> next = schedule_.take_again();
            if (next) status_.retried += next->count;
            if (!next && !work_.stopping()) next = input_.take(schedule_.next_size(work_.unclaimed()));
            if (!next) return;
            hungry_.pop_front();
            hungry_.push_back(number);
            send(found->second, std::move(*next));
        }
    }

    /// How many tasks nobody has been given yet, as far as one can know.
    std::size_t left() {
        if (work_.size()) return work_.unclaimed();
        return input_.is_exhausted() ? 0 : static_cast<std::size_t>(-1);
    }

    void note_hungry(member& who) {
        if (std::exchange(who.is_hungry, true)) return;
        hungry_.push_back(who.who->number);
    }

    void send(member& to, task_chunk what) {
        std::string payload;
        payload.reserve(sizeof(chunk_header) + what.bytes.size());
        append_raw(payload,
                   chunk_header{order_.run, what.first, static_cast<std::uint32_t>(what.count), what.attempts});
        payload += what.bytes;
        to.who->wire->send(frame_type::tasks, what.first, std::move(payload));
        schedule_.sent(to.who->number, std::move(what));
    }

    void fail(std::size_t index, const std::exception_ptr& why) {
        tasks_.store_failure(described_failure({.index = index, .backend = "tcp"}, why));
    }

    // --- what comes back -------------------------------------------------------------------------------------------

    void handle(run_event event) {
        if (event.kind == run_event::what::joined) return welcome(event.from);
        if (event.kind == run_event::what::lost) return lose(*event.from, event.why);
        const std::shared_ptr<connection> wire = event.from->wire;
        const frame_type type = event.got.type;
        if (type == frame_type::result) return take_result(std::move(event));
        const std::size_t size = event.got.payload.size();
        wire->has_used(size);
        if (!members_.count(event.from->number)) return;
        try {
            if (type == frame_type::failed) take_failure(*event.from, unpacked<failed_message>(event.got.payload));
            if (type == frame_type::returned) take_back(*event.from, unpacked<returned_message>(event.got.payload));
            if (type == frame_type::run_failed) refuse(*event.from, unpacked<run_failed_message>(event.got.payload));
            if (type == frame_type::drain) schedule_.drain(event.from->number);
            if (type == frame_type::run_ended) note_ended(*event.from, unpacked<run_end_message>(event.got.payload));
        } catch (const decode_error&) {
            wire->close_when_sent();
            lose(*event.from, "it sent what makes no sense");
        }
    }

    void welcome(const std::shared_ptr<peer>& who) {
        deliver_shared_values(*who, order_.shared);
        who->wire->send(frame_type::run_begin, 0, packed(order_));
        member& added = members_[who->number];
        added.who = who;
        schedule_.join(who->number, who->slots);
        note_hungry(added);
    }

    void lose(peer& whom, const std::string& why) {
        if (members_.erase(whom.number) == 0) return;
        if (schedule_.workers() == 1) alone_since_ = clock::now();
        for (task_chunk& each : schedule_.lose(whom.number).failed) store_lost(whom, each, why);
        alone_since_ = clock::now();
    }

    void store_lost(const peer& by, const task_chunk& what, const std::string& why) {
        failure known = known_of(by, what.first);
        known.attempts = what.attempts;
        tasks_.store_failure(lost_failure(
            std::move(known), how_.retries + 1, "lost its worker", concat({"the one on ", by.host, ": ", why}),
            "look whether the task ends processes other than its own, or the machine went away",
            tasks_.collects_failures()));
    }

    failure known_of(const peer& by, std::size_t index, int slot = 0, long pid = 0) const {
        return {.index = index,
                .worker = by.first_slot + slot,
                .pid = pid == 0 ? by.pid : pid,
                .host = by.host,
                .backend = "tcp"};
    }

    void take_result(run_event event) {
        const std::shared_ptr<peer> by = event.from;
        result_header header;
        std::size_t at = 0;
        const bool whole = take_raw(event.got.payload, at, header);
        arriving_message message(inbox_, by, std::move(event.got), at);
        const auto found = members_.find(by->number);
        const bool wanted = whole && header.run == order_.run && found != members_.end() &&
                            schedule_.has_in_flight(by->number, header.first);
        if (!wanted) {
            message.skip_rest();
            return;
        }
        const auto index = static_cast<std::size_t>(header.first);
        switch (header.kind) {
            case result_header::what::value:
                take_value(*by, index, header, message);
                break;
            case result_header::what::exception:
                take_exception(*by, index, header, message);
                break;
            case result_header::what::several:
                take_several(*by, index, header, message);
        }
        some_are_done_ = true;
        if (const auto still = members_.find(by->number); still != members_.end()) note_hungry(still->second);
    }

    void take_value(const peer& by, std::size_t index, const result_header& header, arriving_message& message) {
        std::exception_ptr thrown;
        std::int64_t took = 0;
        try {
            tasks_.store_written(index, message);
        } catch (...) {
            thrown = std::current_exception();
        }
        if (!thrown) {
            try {
                message.read(&took, sizeof took);
            } catch (const decode_error&) {  // it was stored, and that is what counts
            }
        }
        const bool came = message.skip_rest();
        if (thrown && !came) return;  // taken back, or its worker is lost: it is still in flight
        schedule_.finish(by.number, index);
        if (!thrown) return schedule_.took(1, static_cast<double>(took));
        failure known = known_of(by, index, static_cast<int>(header.slot), static_cast<long>(header.pid));
        tasks_.store_failure(described_failure(std::move(known), thrown));
    }

    void take_exception(const peer& by, std::size_t index, const result_header& header, arriving_message& message) {
        failure known = known_of(by, index, static_cast<int>(header.slot), static_cast<long>(header.pid));
        known.attempts = header.attempts;
        known = with_memory_limit(std::move(known), how_.memory_limit);
        try {
            tasks_.store_exception(known, message);
        } catch (...) {
            const std::exception_ptr thrown = std::current_exception();
            if (!message.skip_rest()) return;
            tasks_.store_failure(described_failure(std::move(known), thrown));
        }
        message.skip_rest();
        schedule_.finish(by.number, index);
    }

    /// Each with a byte that says whether it is an exception, and its length.
    void take_several(const peer& by, std::size_t first, const result_header& header, arriving_message& message) {
        const std::size_t count = schedule_.count_in_flight(by.number, first);
        std::size_t done = 0;
        std::string bytes;
        std::int64_t took = 0;
        try {
            for (; done < count; ++done) {
                std::uint8_t is_exception = 0;
                std::uint32_t length = 0;
                message.read(&is_exception, 1);
                message.read(&length, sizeof length);
                bytes.clear();
                while (bytes.size() < length) {  // as they come, whatever the length says
                    const std::size_t before = bytes.size();
                    const std::size_t part = length - before < (1u << 20) ? length - before : (1u << 20);
                    bytes.resize(before + part);
                    message.read(bytes.data() + before, part);
                }
                store_one(by, first + done, header, is_exception != 0, bytes);
                if (work_.stopping()) break;
            }
            if (done == count) message.read(&took, sizeof took);
        } catch (const decode_error&) {
        }
        message.skip_rest();
        std::optional<task_chunk> finished = schedule_.finish(by.number, first);
        if (!finished) return;
        if (done == count) return schedule_.took(count, static_cast<double>(took));
        std::vector<task_chunk> parts = split(std::move(*finished));  // what did not come is not done
        for (std::size_t i = parts.size(); i-- > done;) schedule_.put_back(std::move(parts[i]));
    }

    void store_one(const peer& by, std::size_t index, const result_header& header, bool is_exception,
                   const std::string& bytes) {
        memory_source source(bytes.data(), bytes.size());
        failure known = known_of(by, index, static_cast<int>(header.slot), static_cast<long>(header.pid));
        try {
            if (is_exception)
                tasks_.store_exception(with_memory_limit(known, how_.memory_limit), source);
            else
                tasks_.store_written(index, source);
        } catch (...) {
            tasks_.store_failure(described_failure(std::move(known), std::current_exception()));
        }
    }

    void take_failure(const peer& by, const failed_message& what) {
        if (what.run != order_.run || !schedule_.finish(by.number, static_cast<std::size_t>(what.index))) return;
        failure known = known_of(by, static_cast<std::size_t>(what.index), what.slot, static_cast<long>(what.pid));
        known.type = what.type;
        known.what = what.what;
        known.signal = what.signal;
        known.attempts = what.attempts;
        known.peak_memory = static_cast<std::size_t>(what.peak_memory);
        if (what.overdue)
            known.exception = std::make_exception_ptr(task_timeout(known.index, what.text));
        else if (what.type == "fanout::worker_lost")
            known.exception = std::make_exception_ptr(worker_lost(known, what.text));
        else
            known.exception = std::make_exception_ptr(std::runtime_error(what.text));
        tasks_.store_failure(std::move(known));
        note_hungry(members_.at(by.number));
    }

    void take_back(const peer& by, const returned_message& what) {
        if (what.run != order_.run) return;
        const auto losses =
            schedule_.broke(by.number, static_cast<std::size_t>(what.first), static_cast<std::size_t>(what.culprit));
        for (const task_chunk& each : losses.failed) store_lost(by, each, "one of its processes has died");
        note_hungry(members_.at(by.number));
    }

    void refuse(peer& who, const run_failed_message& why) {
        if (why.run != order_.run) return;
        if (why.cannot_be_sent) throw serialization_error(why.why);
        lose(who, why.why);
        if (++refusals_ > 2 * how_.n_jobs + 8) throw pool_broken(why.why);
    }

    void look_after_workers(clock::time_point now) {
        const std::string trouble = cluster_.keep_up(std::exchange(some_are_done_, false));
        if (!trouble.empty() && schedule_.workers() == 0) throw pool_broken("fanout: tcp has no workers: " + trouble);
        if (schedule_.workers() > 0) alone_since_ = now;
        if (now - alone_since_ > cluster_.patience())
            throw pool_broken(concat({"fanout: tcp has had no workers for ",
                                      std::to_string(std::chrono::duration<double>(cluster_.patience()).count()),
                                      " s; they were to come to ", cluster_.addresses(), "; ", cluster_.last_words()}));
    }

    // --- the end ---------------------------------------------------------------------------------------------------

    void note_ended(const peer& who, const run_end_message& which) {
        const auto found = members_.find(who.number);
        if (found != members_.end() && which.run == order_.run) found->second.has_ended = true;
    }

    void end() noexcept {
        const bool give_up = broken_ || work_.stopping() || schedule_.in_flight() > 0;
        try {
            for (auto& each : members_)
                each.second.who->wire->send(frame_type::run_end, 0, packed(run_end_message{order_.run, give_up}));
            if (give_up) wait_until_nothing_runs();
            if (broken_) give_back();
        } catch (...) {
        }
        input_.end();  // which waits until the user's input has come back
        work_.when_stopping(nullptr, nullptr);
        cluster_.end_run();
        while (std::optional<run_event> rest = inbox_.take())
            if (rest->kind == run_event::what::frame) rest->from->wire->has_used(rest->got.payload.size());
    }

    /// Tasks may still change something in the world. Who does not answer is not waited for for ever.
    void wait_until_nothing_runs() {
        const auto until = clock::now() + std::chrono::seconds(5);
        const auto all_ended = [this] {
            for (const auto& each : members_)
                if (!each.second.has_ended && schedule_.in_flight_of(each.first) > 0) return false;
            return true;
        };
        while (!all_ended() && clock::now() < until) {
            std::optional<run_event> next = inbox_.take();
            if (!next) {
                inbox_.sleep(std::chrono::milliseconds(50));
                continue;
            }
            if (next->kind == run_event::what::lost) members_.erase(next->from->number);
            if (next->kind != run_event::what::frame) continue;
            if (next->got.type == frame_type::result && !broken_) {  // it was finished before it heard of the end
                take_result(std::move(*next));
                continue;
            }
            next->from->wire->has_used(next->got.payload.size());
            if (next->got.type != frame_type::run_ended) continue;
            try {
                note_ended(*next->from, unpacked<run_end_message>(next->got.payload));
            } catch (const decode_error&) {
                members_.erase(next->from->number);
            }
        }
    }

    /// The input may wait for tasks that have been read before it goes on, and would never be told that all is over.
    void give_back() {
        if (work_.size()) return;
        while (std::optional<task_chunk> each = schedule_.take_any()) fail(each->first, broken_);
        input_.give_back(broken_);
    }

    job& work_;
    portable_tasks& tasks_;
    remote_tasks& remote_;
    cluster& cluster_;
    const run_settings how_;
    run_inbox inbox_;
    schedule schedule_;
    run_message order_;
    std::map<std::uint64_t, member> members_;
    std::deque<std::uint64_t> hungry_;  // have room, or may have
    chunk_source input_;
    int refusals_ = 0;
    bool some_are_done_ = false;  // since the workers were looked after
    clock::time_point alone_since_{};
    std::exception_ptr broken_;
    run_status status_;
};

}  // namespace fanout::detail
