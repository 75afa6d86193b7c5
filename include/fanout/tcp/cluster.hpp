// The coordinator: has workers started, lets them in, knows who is there.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "fanout/core/clock.hpp"
#include "fanout/core/concat.hpp"
#include "fanout/core/errors.hpp"
#include "fanout/core/lock.hpp"
#include "fanout/launch/launcher.hpp"
#include "fanout/launch/local.hpp"
#include "fanout/tcp/address.hpp"
#include "fanout/tcp/bad_hosts.hpp"
#include "fanout/tcp/hub.hpp"
#include "fanout/tcp/messages.hpp"
#include "fanout/tcp/output_relay.hpp"
#include "fanout/tcp/registered_function.hpp"
#include "fanout/tcp/run_inbox.hpp"
#include "fanout/tcp/short_wait.hpp"

namespace fanout::detail {

struct cluster_settings {
    launcher workers = local{};
    std::string listen;  // "host:port"; empty: wherever the workers need it, on a free port
    int slots = 1;       // of each worker
    bool slots_are_given = true;
    bool plain = false;
    std::optional<secret_key> key = {};                   // empty: a fresh one
    clock::duration patience = std::chrono::seconds(60);  // so long with no worker at all
    heartbeat::rhythm rhythm = {};
};

/// Its workers end with it. All members can be called from several threads.
class cluster final : hub_owner {
public:
    /// `slots`: how many tasks at once. Throws `std::invalid_argument`, `std::system_error`, `pool_broken`.
    cluster(const cluster_settings& how, int slots) : how_(how), hub_(*this) {
        expect_build_id();
        keep_standard_descriptors();
        const bool is_local = how.workers->is_local();
        address at{is_local || how.plain ? "127.0.0.1" : "::", "0"};
        if (!how.listen.empty()) at = address::parse(how.listen);
        descriptor listener = open(at, how.plain);
        const std::string port = port_of(listener);
        conversation talk;
        talk.mine = role::coordinator;
        talk.security = how.plain ? security_mode::plain : security_mode::tls;
        talk.key = how.key ? *how.key : secret_key::fresh();
        talk.rhythm = how.rhythm;
        talk.job = fresh_job_number();
        if (how.plain)
            std::fputs("fanout: tcp talks to its workers in plain TCP: everybody on this machine can join in\n",
                       stderr);
        hub_.listen_on(std::move(listener), talk);
        hub_.start();

        worker_order order;
        order.slots = how.slots;
        order.slots_are_given = how.slots_are_given;
        order.workers = slots / how.slots + (slots % how.slots != 0);
        order.key = how.plain ? "" : talk.key.text();
        order.job = talk.job.text();
        order.addresses = addresses_of(at, port, is_local);
        addresses_ = order.addresses;
        launched_ = how.workers->launch(order);
    }
    ~cluster() {
        {
            const lock_guard lock(mutex_);
            ending_ = true;
            for (auto& each : peers_) each.second->wire->send(frame_type::shutdown, 0, {});
        }
        hub_.stop(hub::goodbye::others_leave);
    }

    /// Where workers find it: "host:port,host:port".
    const std::string& addresses() const noexcept { return addresses_; }

    /// Sends to `inbox` what comes from now on, and who is there already. Gives the number of the run. One call at a
    /// time: others wait, unless they are to end; then there is none. Throws `std::logic_error` in the thread that runs
    /// a call, which would wait for itself.
    std::optional<std::uint64_t> begin_run(run_inbox& inbox, const job& work) {
        unique_lock lock(mutex_);
        while (inbox_) {
            if (pthread_equal(runs_in_, pthread_self()))
                throw std::logic_error(
                    "fanout: tcp: this object runs one call at a time, and this one was made by what runs within the "
                    "other, as the op of reduce or on_progress: it would wait for itself; use an object of its own "
                    "there");
            if (work.stopping()) return std::nullopt;
            free_.wait_until(lock, clock::now() + std::chrono::milliseconds(50), [this] { return !inbox_; });
        }
        inbox_ = &inbox;
        runs_in_ = pthread_self();
        for (const auto& each : peers_)
            if (!each.second->leaves) inbox.put({run_event::what::joined, each.second, {}});
        return ++runs_;
    }
    void end_run() {
        {
            const lock_guard lock(mutex_);
            inbox_ = nullptr;
        }
        free_.notify_one();
    }

    /// How the last tasks of a call are waited for. For who runs it.
    short_wait& last_tasks() noexcept { return last_tasks_; }

    /// Takes in what has come. For who stays awake for it.
    void help() { hub_.help(); }

    /// Whether workers were last looked after some time ago, in this call or in one before it. For who runs a call.
    bool is_time_to_look(clock::time_point now) noexcept {
        if (now - looked_ < std::chrono::milliseconds(50)) return false;
        looked_ = now;
        return true;
    }

    /// A worker has done something: those that end are started again as often as if they were new.
    void note_success() noexcept { has_succeeded_.store(true, std::memory_order_relaxed); }

    /// Empty; or why there will be no workers any more.
    std::string keep_up() {
        const lock_guard lock(launching_);
        if (has_succeeded_.exchange(false, std::memory_order_relaxed)) launched_->note_success();
        return launched_->keep_up();
    }
    std::string last_words() const {
        const lock_guard lock(launching_);
        return launched_->last_words();
    }
    clock::duration patience() const noexcept { return how_.patience; }

    /// Its workers keep dying.
    bool is_bad(const std::string& host) const {
        const lock_guard lock(mutex_);
        return bad_hosts_.is_blocked(host, clock::now());
    }
    bool knows_bad_hosts() const {
        const lock_guard lock(mutex_);
        return bad_hosts_.any(clock::now());
    }

    /// Bytes that workers have ever sent.
    std::size_t received() const noexcept { return received_.load(std::memory_order_relaxed); }

    int worker_count() const {
        const lock_guard lock(mutex_);
        return static_cast<int>(peers_.size());
    }

    /// Until so many workers are there. False: they have not come in that time, or `waiter` is to end. Throws
    /// `pool_broken` if they never will.
    bool wait_for_workers(int count, clock::duration longest, const job* waiter = nullptr) {
        const auto until = clock::now() + longest;
        while (worker_count() < count) {
            if (waiter && waiter->stopping()) return false;
            if (const std::string trouble = keep_up(); !trouble.empty())
                throw pool_broken("fanout: tcp has no workers: " + trouble);
            unique_lock lock(mutex_);
            const auto soon = clock::now() + std::chrono::milliseconds(50);
            changed_.wait_until(lock, soon < until ? soon : until,
                                [&] { return static_cast<int>(peers_.size()) >= count; });
            if (clock::now() >= until) return static_cast<int>(peers_.size()) >= count;
        }
        return true;
    }

private:
    /// In a program that was started without them, sockets would be taken for them, and printed to.
    static void keep_standard_descriptors() {
        for (int each : {0, 1, 2})
            if (fcntl(each, F_GETFD) < 0) static_cast<void>(::open("/dev/null", O_RDWR));  // the lowest that is free
    }

    static void expect_build_id() {
        const char* const wish = std::getenv("FANOUT_REQUIRE_BUILD_ID");
        if (wish && std::strcmp(wish, "1") == 0 && own_identity().rfind("image-", 0) == 0)
            throw std::invalid_argument(
                "fanout: FANOUT_REQUIRE_BUILD_ID=1, but this program has no build-id; link it with "
                "-Wl,--build-id=sha1");
    }

    static job_number fresh_job_number() {
        job_number job;
        RAND_bytes(reinterpret_cast<unsigned char*>(job.words), sizeof job.words);
        return job;
    }

    /// Without a key nobody is listened to but on this machine.
    static descriptor open(const address& at, bool plain) {
        if (plain || at.host != "::") return listen_at(at, plain);
        try {
            return listen_at(at, false);
        } catch (const std::system_error&) {  // a machine without IPv6
            return listen_at({"0.0.0.0", at.port}, false);
        }
    }

    static std::string addresses_of(const address& at, const std::string& port, bool is_local) {
        const bool anywhere = at.host == "::" || at.host == "0.0.0.0" || at.host.empty();
        if (is_local) return address{anywhere ? "127.0.0.1" : at.host, port}.text();
        if (!anywhere) return address{at.host, port}.text();
        std::string all;
        for (const std::string& each : own_addresses()) {
            if (!all.empty()) all += ",";
            all += address{each, port}.text();
        }
        return all;
    }

    // --- by the hub's thread, or who helps it
    // --------------------------------------------------------------------------------------

    void established(const std::shared_ptr<connection>&) override {}  // the worker speaks first

    void received(const std::shared_ptr<connection>& from, frame got) override {
        const std::size_t size = got.payload.size();
        received_.fetch_add(size, std::memory_order_relaxed);
        if (const auto known = by_wire_.find(from.get()); known != by_wire_.end()) {
            const lock_guard lock(mutex_);
            if (got.type == frame_type::drain) known->second->leaves = true;
            if (inbox_) return inbox_->put({run_event::what::frame, known->second, std::move(got)});
            from->has_used(size);
            if (got.type == frame_type::drain) from->send(frame_type::drained, 0, {});
            if (got.type == frame_type::output)
                print_relayed(known->second->host, unpacked<output_message>(got.payload));
            return;
        }
        from->has_used(size);
        if (got.type != frame_type::hello) throw protocol_error("a worker that does not say who it is");
        const auto hello = unpacked<hello_message>(got.payload);
        const bool is_same_build = hello.identity == own_identity();
        if (!is_same_build && !(hello.has_named_functions && registered_function::any()))
            return reject(from, hello,
                          concat({"is build ", hello.identity, ", the coordinator ", own_identity(),
                                  "; copy this very file to all machines, do not build it for each, or "
                                  "give the function a name that both know: FANOUT_REGISTER"}));
        if (is_same_build && hello.places != 0 && hello.places != callable_code::hash_of_places())
            return reject(from, hello,
                          "has the coordinator's build-id, but its code lies elsewhere: one of the two files was "
                          "changed after it was linked; copy this very file to all machines");
        auto added = std::make_shared<peer>();
        added->wire = from;
        added->host = hello.host;
        added->pid = static_cast<long>(hello.pid);
        added->slots = hello.slots < 1 ? 1 : hello.slots < most_slots ? hello.slots : most_slots;
        added->is_same_build = is_same_build;
        {
            const lock_guard lock(mutex_);
            if (ending_) return from->send(frame_type::shutdown, 0, {});
            added->number = ++numbers_;
            added->first_slot = take_slots(added->slots);
            peers_[added->number] = added;
            from->send(frame_type::welcome, 0, packed(welcome_message{added->number, added->first_slot}));
            if (inbox_) inbox_->put({run_event::what::joined, added, {}});
        }
        by_wire_[from.get()] = std::move(added);
        changed_.notify_one();
    }

    /// The lowest numbers that nobody has: a worker that comes for one that is lost takes its place.
    int take_slots(int count) {
        int first = 0;
        for (const auto& each : slots_) {
            if (each.first - first >= count) break;
            first = each.first + each.second;
        }
        slots_[first] = count;
        return first;
    }

    static void reject(const std::shared_ptr<connection>& whom, const hello_message& hello, const std::string& why) {
        reject_message no;
        no.why = concat({"worker ", hello.host, ":", hello.program, " ", why});
        std::fprintf(stderr, "fanout: %s\n", no.why.c_str());
        whom->send(frame_type::reject, 0, packed(no));
        whom->close_when_sent();
    }

    void closed(const std::shared_ptr<connection>& which, const std::string& why, bool) override {
        const auto known = by_wire_.find(which.get());
        if (known == by_wire_.end()) {
            if (!why.empty() && ++turned_away_ <= 10)  // who floods us is not to fill the log too
                std::fprintf(stderr, "fanout: tcp turned somebody away: %s%s\n", why.c_str(),
                             turned_away_ == 10 ? " (more of this kind is not said)" : "");
            return;
        }
        const std::shared_ptr<peer> gone = known->second;
        by_wire_.erase(known);
        {
            const lock_guard lock(mutex_);
            peers_.erase(gone->number);
            slots_.erase(gone->first_slot);
            if (!ending_ && !gone->leaves && bad_hosts_.note_loss(gone->host, clock::now()))
                std::fprintf(stderr,
                             "fanout: %zu workers on %s have died within %d min; as long as there are others it gets "
                             "nothing for %d min\n",
                             bad_hosts::too_many, gone->host.c_str(), int(bad_hosts::memory.count()),
                             int(bad_hosts::ban.count()));
            if (inbox_)
                inbox_->put(
                    {run_event::what::lost, gone, {.payload = why.empty() ? "it has closed its connection" : why}});
        }
        changed_.notify_one();
    }

    void tick(clock::time_point) override {}

    const cluster_settings how_;
    std::string addresses_;
    std::map<const connection*, std::shared_ptr<peer>> by_wire_;  // for the hub's thread
    std::atomic<std::size_t> received_ = 0;
    int turned_away_ = 0;  // for the hub's thread

    mutable mutex mutex_;
    condition_variable free_;
    condition_variable changed_;
    std::map<std::uint64_t, std::shared_ptr<peer>> peers_;
    std::uint64_t numbers_ = 0;
    bad_hosts bad_hosts_;
    std::map<int, int> slots_;  // of all workers: the first of each, and how many
    run_inbox* inbox_ = nullptr;
    pthread_t runs_in_{};  // the thread that runs the call whose inbox it is
    std::uint64_t runs_ = 0;
    bool ending_ = false;
    clock::time_point looked_{};  // for who runs a call: one at a time; as the next
    short_wait last_tasks_;

    mutable mutex launching_;
    std::unique_ptr<launched_workers> launched_;
    std::atomic<bool> has_succeeded_ = false;  // since they were looked after
    hub hub_;                                  // the last: its thread uses everything else
};

}  // namespace fanout::detail
