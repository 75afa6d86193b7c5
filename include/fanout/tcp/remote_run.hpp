// One call on a cluster, in the calling thread: sends tasks, takes in what comes of them, makes good what is lost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
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
#include "fanout/core/exchanged.hpp"
#include "fanout/core/portable_tasks.hpp"
#include "fanout/core/remote_tasks.hpp"
#include "fanout/core/run_observer.hpp"
#include "fanout/serialize/memory.hpp"
#include "fanout/tcp/chunk_source.hpp"
#include "fanout/tcp/cluster.hpp"
#include "fanout/tcp/messages.hpp"
#include "fanout/tcp/remote_outcomes.hpp"
#include "fanout/tcp/reported_times.hpp"
#include "fanout/tcp/run_inbox.hpp"
#include "fanout/tcp/run_settings.hpp"
#include "fanout/tcp/schedule.hpp"
#include "fanout/tcp/shared.hpp"
#include "fanout/tcp/shared_delivery.hpp"
#include "fanout/tcp/stragglers.hpp"

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
          outcomes_(work, tasks, schedule_, how_),
          times_(work.observer()),
          input_(work, tasks, remote) {}

    /// Returns when everything has been stored, or the call is ending and nothing of it runs any more.
    void run() {
        prepare();
        const std::optional<std::uint64_t> number = cluster_.begin_run(inbox_, work_);
        if (!number) return;
        order_.run = *number;
        const std::size_t received = cluster_.received();
        outcomes_.begin(order_.run);
        work_.when_stopping([](void* me) { static_cast<remote_run*>(me)->inbox_.ringing().ring(); }, this);
        try {
            input_.begin(inbox_.ringing(), 2 * how_.n_jobs + 2);
            work_off();
        } catch (...) {
            broken_ = std::current_exception();
        }
        end();
        status_.bytes_received = cluster_.received() - received;
        if (work_.observer()) work_.observer()->has_ended(status_);
        if (broken_) std::rethrow_exception(broken_);
    }

private:
    struct member {
        std::shared_ptr<peer> who;
        bool has_begun = false;  // it has been told what this run is about
        bool is_hungry = false;
        bool is_kept_out = false;  // its machine is a bad one, and there are others
        bool has_ended = false;

        bool may_get_tasks() const noexcept { return !is_kept_out && !who->leaves; }
    };

    static schedule::rules rules_of(job& work, const run_settings& how) {
        schedule::rules rules;
        rules.retries = how.retries;
        rules.batch = work.batch_size();
        rules.one_by_one = how.retries == 0 || work.has_time_limit() || !work.size() ||
                           (work.observer() && work.observer()->wants_times());
        return rules;
    }

    void prepare() {
        order_.name = remote_.name();
        memory_sink function;
        remote_.write_function(function);
        order_.function.assign(reinterpret_cast<const char*>(function.data()), function.size());
        if (order_.name.empty()) order_.code = place_of_code(remote_.code());
        order_.shared = shared_values_in(order_.function);
        order_.n_jobs = how_.n_jobs;
        order_.retries = how_.retries;
        order_.collects_failures = tasks_.collects_failures();
        order_.wants_times = times_.are_wanted();
        order_.memory_limit = how_.memory_limit.value_or(0);
        order_.time_limit = std::chrono::nanoseconds(work_.time_limit()).count();
    }

    void work_off() {
        alone_since_ = clock::now();
        cluster_.last_tasks().begin();
        while (!work_.stopping()) {
            bool news = false;
            while (std::optional<run_event> next = inbox_.take()) {
                handle(std::move(*next));
                news = true;
                if (work_.stopping()) return;
                hand_out();
            }
            hand_out();
            if (is_done()) return cluster_.last_tasks().end();
            if (work_.stopping()) return;
            const auto now = clock::now();
            if (cluster_.is_time_to_look(now) || schedule_.workers() == 0) look_after_workers(now);
            look_at_tail(now);
            const clock::duration patience = tell_observer();
            const clock::duration nap = schedule_.workers() == 0 ? std::chrono::milliseconds(20)
                                        : tail_looks_ == 1       ? clock::duration(tail_patience)
                                                                 : std::chrono::milliseconds(100);
            if (!news && !last_tasks_come_soon()) inbox_.sleep(patience < nap ? patience : nap);
        }
    }

    bool last_tasks_come_soon() {
        const bool are_last = left() == 0 && !schedule_.has_again() && schedule_.in_flight() <= schedule_.slots();
        const auto has_come = [this] {
            cluster_.help();
            return inbox_.has_news();
        };
        return are_last && cluster_.last_tasks().is_over_soon(has_come);
    }

    /// How long whoever watches the call can wait for the next news.
    clock::duration tell_observer() noexcept {
        status_.workers = static_cast<int>(schedule_.slots());
        return work_.observer() ? work_.observer()->look(status_) : clock::duration::max();
    }

    bool is_done() { return schedule_.in_flight() == 0 && !schedule_.has_again() && input_.is_exhausted(); }

    // --- tasks out -------------------------------------------------------------------------------------------------

    void hand_out() {
        // Everybody gets one before anybody gets two. Who has room and gets nothing stays in the queue.
        while (!hungry_.empty()) {
            const std::uint64_t number = hungry_.front();
            const auto found = members_.find(number);
            if (found == members_.end() || !found->second.may_get_tasks() || !schedule_.has_room(number, left())) {
                hungry_.pop_front();
                if (found != members_.end()) found->second.is_hungry = false;
                continue;
            }
            std::optional<task_chunk> next = schedule_.take_again();
            if (next && next->was_begun) status_.retried += next->count;
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

    void note_hungry(const peer& who) {
        const auto found = members_.find(who.number);
        if (found != members_.end() && !exchanged(found->second.is_hungry, true)) hungry_.push_back(who.number);
    }

    void send(member& to, task_chunk what) {
        if (!exchanged(to.has_begun, true)) {
            status_.bytes_sent += shared_delivery_.deliver(*to.who, order_.shared) + order_.function.size();
            to.who->wire->send(frame_type::run_begin, 0, packed(order_), haste::with_next);
        }
        std::string payload;
        payload.reserve(sizeof(chunk_header) + what.bytes.size());
        append_raw(payload,
                   chunk_header{order_.run, what.first, static_cast<std::uint32_t>(what.count), what.attempts});
        payload += what.bytes;
        status_.bytes_sent += payload.size();
        const bool waits = schedule_.in_flight_of(to.who->number) == 0;  // with nothing to do
        to.who->wire->send({frame_type::tasks, true, false, false, what.first, std::move(payload)},
                           waits ? haste::at_once : haste::by_driver, what.long_bytes);
        schedule_.sent(to.who->number, std::move(what));
    }

    // --- the tail: nothing is left to hand out, and some have nothing to do ------------------------------------------

    /// What waits behind a long task is asked back, for whoever has nothing to do; not at once, since most of it is
    /// begun sooner than it could come back.
    void look_at_tail(clock::time_point now) {
        if (now - tail_looked_ < clock::duration(tail_patience)) return;
        tail_looked_ = now;
        const bool is_tail = left() == 0 && !schedule_.has_again() && how_.retries > 0;
        tail_looks_ = is_tail ? tail_looks_ + 1 : 0;
        if (tail_looks_ < 2) return;
        for (const std::uint64_t each : schedule_.to_be_asked_back())
            members_.at(each).who->wire->send(frame_type::revoke, 0, packed(run_end_message{order_.run}));
        if (how_.speculate) start_twins(now);
    }

    /// Of tasks that take much longer than others, on another machine if that is possible.
    void start_twins(clock::time_point now) {
        if (!work_.size() || schedule_.in_flight() * 10 > *work_.size() + 9) return;
        for (const stragglers::straggler& each : stragglers_.find(schedule_, now)) {
            const auto by = members_.find(each.first);
            if (by == members_.end()) continue;
            if (member* const helper = idle_member(*by->second.who))
                send(*helper, schedule_.twin_of(each.first, each.second));
        }
    }

    /// Not the same worker; not the same machine if there is a choice.
    member* idle_member(const peer& besides) {
        member* found = nullptr;
        for (auto& each : members_) {
            if (each.first == besides.number || !each.second.may_get_tasks() || !schedule_.is_idle(each.first))
                continue;
            if (each.second.who->host != besides.host) return &each.second;
            if (!found) found = &each.second;
        }
        return found;
    }

    // --- what comes back -------------------------------------------------------------------------------------------

    void handle(run_event event) {
        if (event.kind == run_event::what::joined) return welcome(event.from);
        if (event.kind == run_event::what::lost) return lose(*event.from, event.got.payload);
        const std::shared_ptr<connection> wire = event.from->wire;
        const frame_type type = event.got.type;
        if (type == frame_type::result) return take_result(std::move(event));
        const std::size_t size = event.got.payload.size();
        wire->has_used(size);
        try {
            if (type == frame_type::output)
                return print_relayed(event.from->host, unpacked<output_message>(event.got.payload));
            if (type == frame_type::times) return take_times(*event.from, event.got);
            if (!members_.count(event.from->number)) return;
            if (type == frame_type::failed)
                outcomes_.take_failure(*event.from, unpacked<failed_message>(event.got.payload));
            if (type == frame_type::returned)
                outcomes_.take_back(*event.from, unpacked<returned_message>(event.got.payload));
            if (type == frame_type::revoked) take_unbegun(*event.from, unpacked<revoked_message>(event.got.payload));
            if (type == frame_type::run_failed) refuse(*event.from, unpacked<run_failed_message>(event.got.payload));
            if (type == frame_type::drain) {
                schedule_.drain(event.from->number);
                wire->send(frame_type::drained, 0, {});
            }
            if (type == frame_type::run_ended) note_ended(*event.from, unpacked<run_end_message>(event.got.payload));
        } catch (const decode_error&) {
            wire->close_when_sent();
            return lose(*event.from, "it sent what makes no sense");
        }
        note_hungry(*event.from);
    }

    void take_result(run_event event) {
        const std::shared_ptr<peer> by = event.from;
        outcomes_.take_result(inbox_, std::move(event));
        cluster_.note_success();
        note_hungry(*by);
    }

    void welcome(const std::shared_ptr<peer>& who) {
        if (!who->is_same_build && order_.name.empty())
            return leave_out(*who,
                             "the function of this call has no name that another build knows; FANOUT_REGISTER "
                             "gives it one");
        member& added = members_[who->number];
        added.who = who;
        schedule_.join(who->number, who->slots);
        note_hungry(*who);
        look_for_bad_hosts();
    }

    void take_unbegun(const peer& by, const revoked_message& what) {
        if (what.run == order_.run) schedule_.given_back(by.number, static_cast<std::size_t>(what.first));
    }

    void look_for_bad_hosts() {
        if (!exchanged(any_bad_hosts_, cluster_.knows_bad_hosts()) && !any_bad_hosts_) return;
        bool any_good = false;
        for (const auto& each : members_) any_good = any_good || !cluster_.is_bad(each.second.who->host);
        for (auto& each : members_) {
            each.second.is_kept_out = any_good && cluster_.is_bad(each.second.who->host);
            if (!each.second.is_kept_out) note_hungry(*each.second.who);
        }
    }

    /// Others may do without it; if there are none, the call says why.
    void leave_out(const peer& whom, const std::string& why) {
        left_out_ = concat({"; the worker on ", whom.host, " is another build: ", why});
        std::fprintf(stderr, "fanout: tcp: a call goes on without the worker on %s, which is another build: %s\n",
                     whom.host.c_str(), why.c_str());
    }

    void lose(peer& whom, const std::string& why) {
        if (members_.erase(whom.number) == 0) return;
        if (schedule_.workers() == 1) alone_since_ = clock::now();
        outcomes_.lose(whom, why);
        alone_since_ = clock::now();
        look_for_bad_hosts();
    }

    void refuse(peer& who, const run_failed_message& why) {
        if (why.run != order_.run) return;
        if (why.cannot_be_sent && !who.is_same_build) {
            lose(who, why.why);
            return leave_out(who, why.why);
        }
        if (why.cannot_be_sent) {
            forget_shared();
            throw serialization_error(why.why);
        }
        lose(who, why.why);
        if (members_.empty() || ++refusals_ > 2 * how_.n_jobs + 8)
            throw pool_broken(concat({"fanout: tcp: the worker on ", who.host, " cannot run the call: ", why.why}));
    }

    /// Perhaps one of them could not be read, and nobody knows who has read it: the next call sends them again.
    void forget_shared() {
        for (auto& each : members_)
            for (const std::uint64_t number : order_.shared) std::erase(each.second.who->has_shared, number);
    }

    void look_after_workers(clock::time_point now) {
        const std::string trouble = cluster_.keep_up();
        if (!trouble.empty() && schedule_.workers() == 0) throw pool_broken("fanout: tcp has no workers: " + trouble);
        if (schedule_.workers() > 0) alone_since_ = now;
        look_for_bad_hosts();
        if (now - alone_since_ > cluster_.patience())
            throw pool_broken(
                concat({"fanout: tcp has had no workers for ", in_seconds(cluster_.patience()),
                        "; they were to come to ", cluster_.addresses(), "; ", cluster_.last_words(), left_out_}));
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
                if (each.second.has_begun && (give_up || schedule_.was_outrun(each.first)))
                    each.second.who->wire->send(frame_type::run_end, 0, packed(run_end_message{order_.run}));
            wait_until_nothing_runs();
            if (broken_) give_back();
        } catch (...) {
        }
        input_.end();  // which waits until the user's input has come back
        work_.when_stopping(nullptr, nullptr);
        cluster_.end_run();
        while (std::optional<run_event> rest = inbox_.take())
            if (rest->kind == run_event::what::frame) pass_over(*rest);
    }

    void take_times(const peer& by, const frame& got) {
        const auto what = unpacked<times_message>(got.payload);
        const bool known_task = !work_.size() || what.task < *work_.size();
        if (what.run == order_.run && known_task && what.slot >= 0 && what.slot < by.slots)
            times_.take(by, what, tasks_, clock::now());
    }

    /// What tasks have printed counts, whatever has become of them.
    void pass_over(const run_event& what) noexcept {
        what.from->wire->has_used(what.got.payload.size());
        try {
            if (what.got.type == frame_type::times) take_times(*what.from, what.got);
            if (what.got.type == frame_type::drain) what.from->wire->send(frame_type::drained, 0, {});
            if (what.got.type != frame_type::output) return;
            print_relayed(what.from->host, unpacked<output_message>(what.got.payload));
        } catch (const std::exception&) {  // it makes no sense
        }
    }

    /// Tasks may still change something in the world. Who does not answer is not waited for for ever.
    void wait_until_nothing_runs() {
        const auto until = clock::now() + std::chrono::seconds(5);
        const auto soon = clock::now() + std::chrono::seconds(1);
        const auto all_ended = [&] {
            if (times_.are_wanted() && times_.told() < outcomes_.results() && clock::now() < soon) return false;
            for (const auto& each : members_)
                if (!each.second.has_ended &&
                    (schedule_.in_flight_of(each.first) > 0 || schedule_.was_outrun(each.first)))
                    return false;
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
            // It was finished before it heard of the end. What continues one does so for nobody any more.
            if (next->got.type == frame_type::result && !next->got.continues && !broken_) {
                take_result(std::move(*next));
                continue;
            }
            if (next->got.type != frame_type::run_ended) {
                pass_over(*next);
                continue;
            }
            next->from->wire->has_used(next->got.payload.size());
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
        while (std::optional<task_chunk> each = schedule_.take_any()) outcomes_.fail(each->first, broken_);
        input_.give_back(broken_);
    }

    job& work_;
    portable_tasks& tasks_;
    remote_tasks& remote_;
    cluster& cluster_;
    const run_settings how_;
    run_inbox inbox_;
    schedule schedule_;
    remote_outcomes outcomes_;
    times_of_workers times_;
    run_message order_;
    shared_delivery shared_delivery_;
    std::map<std::uint64_t, member> members_;
    std::deque<std::uint64_t> hungry_;  // have room, or may have
    chunk_source input_;
    static constexpr std::chrono::milliseconds tail_patience{5};
    stragglers stragglers_;
    clock::time_point tail_looked_{};
    int tail_looks_ = 0;  // that have seen nothing else but the tail
    bool any_bad_hosts_ = false;
    int refusals_ = 0;
    std::string left_out_;  // workers that are no use for this call, and why
    clock::time_point alone_since_{};
    std::exception_ptr broken_;
    run_status status_;
};

}  // namespace fanout::detail
