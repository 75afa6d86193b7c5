// The coordinator: has workers started, lets them in, knows who is there.
#pragma once

#include <signal.h>

#include <cstddef>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
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
#include "fanout/tcp/hub.hpp"
#include "fanout/tcp/messages.hpp"
#include "fanout/tcp/run_inbox.hpp"

namespace fanout::detail {

struct cluster_settings {
    launcher workers = local{};
    std::string listen;  // "host:port"; empty: wherever the workers need it, on a free port
    int slots = 1;       // of each worker
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
        if (how.plain)
            std::fputs("fanout: tcp talks to its workers in plain TCP: everybody on this machine can join in\n",
                       stderr);
        hub_.listen_on(std::move(listener), talk);
        hub_.start();

        worker_order order;
        order.slots = how.slots;
        order.workers = slots / how.slots + (slots % how.slots != 0);
        order.key = how.plain ? "" : talk.key.text();
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
        hub_.stop(true);
    }

    /// Where workers find it: "host:port,host:port".
    const std::string& addresses() const noexcept { return addresses_; }

    /// Sends to `inbox` what comes from now on, and who is there already. One call at a time: others wait.
    std::uint64_t begin_run(run_inbox& inbox) {
        unique_lock lock(mutex_);
        free_.wait(lock, [this] { return !inbox_; });
        inbox_ = &inbox;
        for (const auto& each : peers_) inbox.put({run_event::what::joined, each.second, {}, {}});
        return ++runs_;
    }
    void end_run() {
        {
            const lock_guard lock(mutex_);
            inbox_ = nullptr;
        }
        free_.notify_one();
    }

    /// Empty; or why there will be no workers any more. `success`: they have done something since.
    std::string keep_up(bool success = false) {
        const lock_guard lock(launching_);
        if (success) launched_->note_success();
        return launched_->keep_up();
    }
    std::string last_words() const { return launched_->last_words(); }
    clock::duration patience() const noexcept { return how_.patience; }

    int worker_count() const {
        const lock_guard lock(mutex_);
        return static_cast<int>(peers_.size());
    }

    /// Until so many workers are there. False: they have not come in that time. Throws `pool_broken` if they never
    /// will.
    bool wait_for_workers(int count, clock::duration longest) {
        const auto until = clock::now() + longest;
        while (worker_count() < count) {
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

    // --- by the hub's thread ---------------------------------------------------------------------------------------

    void established(const std::shared_ptr<connection>&) override {}  // the worker speaks first

    void received(const std::shared_ptr<connection>& from, frame got) override {
        const std::size_t size = got.payload.size();
        if (const auto known = by_wire_.find(from.get()); known != by_wire_.end()) {
            const lock_guard lock(mutex_);
            if (inbox_)
                inbox_->put({run_event::what::frame, known->second, std::move(got), {}});
            else
                from->has_used(size);
            return;
        }
        from->has_used(size);
        if (got.type != frame_type::hello) throw protocol_error("a worker that does not say who it is");
        const auto hello = unpacked<hello_message>(got.payload);
        if (hello.identity != own_identity()) return reject(from, hello);
        auto added = std::make_shared<peer>();
        added->wire = from;
        added->host = hello.host;
        added->pid = static_cast<long>(hello.pid);
        added->slots = hello.slots < 1 ? 1 : hello.slots;
        {
            const lock_guard lock(mutex_);
            if (ending_) return from->send(frame_type::shutdown, 0, {});
            added->number = ++numbers_;
            added->first_slot = next_slot_;
            next_slot_ += added->slots;
            peers_[added->number] = added;
            from->send(frame_type::welcome, 0, packed(welcome_message{added->number}));
            if (inbox_) inbox_->put({run_event::what::joined, added, {}, {}});
        }
        by_wire_[from.get()] = std::move(added);
        changed_.notify_one();
    }

    void reject(const std::shared_ptr<connection>& whom, const hello_message& hello) {
        reject_message no;
        no.why = concat({"worker ", hello.host, ":", hello.program, " is build ", hello.identity, ", the coordinator ",
                         own_identity(), "; copy this very file to all machines, do not build it for each"});
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
            if (inbox_)
                inbox_->put({run_event::what::lost, gone, {}, why.empty() ? "it has closed its connection" : why});
        }
        changed_.notify_one();
    }

    void tick(clock::time_point) override {}

    const cluster_settings how_;
    std::string addresses_;
    std::map<const connection*, std::shared_ptr<peer>> by_wire_;  // for the hub's thread
    int turned_away_ = 0;                                         // for the hub's thread

    mutable mutex mutex_;
    condition_variable free_;
    condition_variable changed_;
    std::map<std::uint64_t, std::shared_ptr<peer>> peers_;
    std::uint64_t numbers_ = 0;
    int next_slot_ = 0;
    run_inbox* inbox_ = nullptr;
    std::uint64_t runs_ = 0;
    bool ending_ = false;

    mutex launching_;
    std::unique_ptr<launched_workers> launched_;
    hub hub_;  // the last: its thread uses everything else
};

}  // namespace fanout::detail
