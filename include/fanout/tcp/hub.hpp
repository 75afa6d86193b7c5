// The thread that does the input and output of all connections of a process.
#pragma once

#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "fanout/core/clock.hpp"
#include "fanout/core/exchanged.hpp"
#include "fanout/core/lock.hpp"
#include "fanout/core/plain_thread.hpp"
#include "fanout/processes/system.hpp"
#include "fanout/tcp/connection.hpp"

namespace fanout::detail {

/// Who a hub works for. Everything is called by the hub's thread, or by who helps it: by one of them at a time.
class hub_owner {
public:
    virtual void established(const std::shared_ptr<connection>& with) = 0;
    virtual void received(const std::shared_ptr<connection>& from, frame got) = 0;

    /// It has ended: the other side has closed it (`why` is empty), or it could not go on. `with_key`: because the
    /// other side does not have the key.
    virtual void closed(const std::shared_ptr<connection>& which, const std::string& why, bool with_key) = 0;

    /// From time to time, twice a second at least.
    virtual void tick(clock::time_point now) = 0;

protected:
    ~hub_owner() = default;
};

class hub final : connection_driver {
public:
    explicit hub(hub_owner& owner) : owner_(owner), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
        if (!epoll_) throw_system_error(errno, "fanout: tcp needs a file descriptor to watch others, and got none");
        watch(bell_.number(), EPOLLIN, EPOLL_CTL_ADD);
    }
    hub(const hub&) = delete;
    hub& operator=(const hub&) = delete;
    ~hub() { stop(); }

    /// Connections that come in through this socket are talked to in this way. Before the start.
    void listen_on(descriptor socket, const conversation& how) {
        listener_ = std::move(socket);
        how_ = how;
        watch(listener_.number(), EPOLLIN, EPOLL_CTL_ADD);
    }

    void start() { thread_ = plain_thread(run_of, this); }

    /// What ends the connections when the hub stops. Who closes one while something has come in that he has not read
    /// cuts off what he has said last.
    enum class goodbye {
        when_sent,     // we do, as soon as everything is on its way
        others_leave,  // they do, for they have been told to; but they get a moment only
        when_arrived   // we do, when their machines have everything
    };

    /// Closes all connections, after what is to be sent, and ends the thread. Nobody is waited for longer than
    /// `longest`.
    void stop(goodbye how = goodbye::when_sent, clock::duration longest = std::chrono::seconds(2)) {
        {
            const lock_guard lock(mutex_);
            if (stopping_ || !thread_.joinable()) return;
            stopping_ = true;
            goodbye_ = how;
            longest_goodbye_ = longest;
        }
        bell_.ring();
        thread_.join();
    }

    /// Any thread.
    std::shared_ptr<connection> add(descriptor socket, const conversation& how) {
        auto added = std::make_shared<connection>(std::move(socket), how, driver(), clock::now());
        {
            const lock_guard lock(mutex_);
            added_.push_back(added);
        }
        bell_.ring();
        return added;
    }

    /// Any thread, also a signal handler: the owner's tick is called soon.
    void wake() const noexcept { bell_.ring(); }

    /// Any thread that waits, awake, for what comes over the connections: what is there now is taken in without the
    /// hub's thread, which has to be woken first.
    void help() {
        epoll_event events[16];
        const int count = epoll_wait(epoll_.number(), events, 16, 0);
        if (count <= 0) return;
        const try_lock_guard turn(turn_);
        if (!turn) return;  // the hub's thread is at it
        const clock::time_point now = clock::now();
        for (int i = 0; i < count; ++i) serve(events[i].data.fd, now, can_be_read(events[i]));
    }

private:
    static constexpr int most_strangers = 64;

    static void* run_of(void* me) {
        const own_thread_mark mark;
        static_cast<hub*>(me)->run();
        return nullptr;
    }

    connection_driver& driver() noexcept { return *this; }

    void has_news(connection& of) noexcept override {
        {
            const lock_guard lock(mutex_);
            news_.push_back(of.number());
        }
        if (!awake_.load(std::memory_order_seq_cst)) bell_.ring();
    }

    bool is_asleep() const noexcept override { return !awake_.load(std::memory_order_relaxed); }

    void watch(int number, unsigned events, int operation) const noexcept {
        epoll_event event{};
        event.events = events;
        event.data.fd = number;
        epoll_ctl(epoll_.number(), operation, number, &event);
    }

    void run() {
        std::vector<epoll_event> events(256);
        unique_lock turn(turn_);
        while (!is_done()) {
            awake_.store(false, std::memory_order_seq_cst);
            const int longest = has_work() ? 0 : wait_time();
            turn.unlock();
            const int count = epoll_wait(epoll_.number(), events.data(), static_cast<int>(events.size()), longest);
            turn.lock();
            awake_.store(true, std::memory_order_seq_cst);
            const clock::time_point now = clock::now();
            for (int i = 0; i < count; ++i) {
                const epoll_event& each = events[static_cast<std::size_t>(i)];
                const int number = each.data.fd;
                if (number == bell_.number())
                    bell_.silence();
                else if (number == listener_.number())
                    accept_all(now);
                else
                    serve(number, now, can_be_read(each));
            }
            take_in_news(now);
            if (now - last_look_ >= std::chrono::milliseconds(100) || count == 0) look_after_all(now);
            owner_.tick(now);
        }
        for (auto& each : connections_) each.second.of->close();
    }

    bool is_done() {
        goodbye how;
        {
            const lock_guard lock(mutex_);
            if (!stopping_) return false;
            how = goodbye_;
        }
        // What has been said has to be sent; but not to somebody who does not listen.
        const clock::time_point now = clock::now();
        if (stopped_ == clock::time_point()) stopped_ = now;
        take_in_news(now);
        if (now >= stopped_ + longest_goodbye_) return true;
        const bool they_leave = how == goodbye::others_leave && now < stopped_ + std::chrono::milliseconds(500);
        for (const auto& each : connections_)
            if (each.second.waits_to_send || (they_leave && each.second.of->is_established())) return false;
        if (how == goodbye::when_arrived)
            for (const auto& each : connections_)
                if (!has_arrived(each.first)) return false;
        return true;
    }

    /// All that was sent is on the other machine: there it stays to be read, however we close. Once the last byte is on
    /// its way it is told that this was all, since that is acknowledged at once, and other bytes after 40 ms.
    static bool has_arrived(int socket) noexcept {
        int waits_here = 0;
        if (ioctl(socket, SIOCOUTQNSD, &waits_here) == 0 && waits_here == 0) shutdown(socket, SHUT_WR);
        int on_its_way = 0;
        return ioctl(socket, SIOCOUTQ, &on_its_way) < 0 || on_its_way == 0;
    }

    /// Or has ended, which reading finds.
    static bool can_be_read(const epoll_event& about) noexcept { return (about.events & ~unsigned(EPOLLOUT)) != 0; }

    bool has_work() {
        const lock_guard lock(mutex_);
        return !news_.empty() || !added_.empty();
    }

    int wait_time() const noexcept { return stopped_ != clock::time_point() ? 10 : 250; }

    void accept_all(clock::time_point now) {
        for (;;) {
            descriptor socket(accept4(listener_.number(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
            if (!socket) {
                if (errno == EINTR || errno == ECONNABORTED) continue;
                if (errno != EAGAIN && errno != EWOULDBLOCK) stop_listening_for_a_while(now);
                return;
            }
            int strangers = 0;
            for (const auto& each : connections_) strangers += !each.second.of->is_established();
            if (strangers >= most_strangers) continue;  // closed: who is honest tries again
            begin(std::make_shared<connection>(std::move(socket), how_, driver(), now), now);
        }
    }

    /// There are no descriptors for more: who knocks is not answered, and must not keep us busy.
    void stop_listening_for_a_while(clock::time_point now) {
        if (!exchanged(has_said_that_none_are_left_, true))
            std::fprintf(stderr,
                         "fanout: tcp cannot let in more workers: %s; raise the limit of open files (ulimit -n)\n",
                         std::generic_category().message(errno).c_str());
        watch(listener_.number(), 0, EPOLL_CTL_MOD);
        listens_again_ = now + std::chrono::milliseconds(200);
    }

    void begin(const std::shared_ptr<connection>& with, clock::time_point now) {
        const int number = with->number();
        connections_[number] = {with};
        watch(number, EPOLLIN, EPOLL_CTL_ADD);
        serve(number, now, false);
    }

    void take_in_news(clock::time_point now) {
        std::vector<int> news;
        std::vector<std::shared_ptr<connection>> added;
        {
            const lock_guard lock(mutex_);
            news.swap(news_);
            added.swap(added_);
        }
        for (const auto& each : added) begin(each, now);
        std::sort(news.begin(), news.end());
        news.erase(std::unique(news.begin(), news.end()), news.end());
        for (const int number : news) serve(number, now, false);
    }

    struct entry {
        std::shared_ptr<connection> of;
        bool waits_to_send = false;
        bool is_cut_off = false;
        bool is_deaf = false;
        unsigned events = EPOLLIN;  // that it is watched for
    };

    void serve(int number, clock::time_point now, bool readable) {
        const auto found = connections_.find(number);
        if (found == connections_.end()) return;
        const std::shared_ptr<connection> it = found->second.of;
        bool goes_on = false;
        bool with_key = false;
        std::string why;
        {
            const lock_guard lock(it->input_and_output());
            try {
                goes_on = take_and_send(found->second, now, readable);
            } catch (const key_mismatch& e) {
                why = e.what();
                with_key = true;
                // The other side wants to know as well: what TLS has to say to it is still to be sent.
                try {
                    it->transmit(now);
                } catch (const protocol_error&) {
                }
            } catch (const std::exception& e) {
                why = e.what();
            }
        }
        if (!goes_on) end(it, why, with_key);
    }

    /// False: this was the end, as it should be.
    bool take_and_send(entry& of, clock::time_point now, bool readable) {
        const std::shared_ptr<connection>& it = of.of;
        const auto use = [&](frame got) {
            if (got.type == frame_type::ping)
                it->send(frame_type::pong, 0, {});
            else if (got.type != frame_type::pong)
                owner_.received(it, std::move(got));
        };
        const auto begin = [&] { owner_.established(it); };
        if (of.is_deaf && !it->is_deaf()) {
            it->note_deaf(false, now);
            it->use_rest(now, use, begin);
        }
        const bool open = !readable || it->receive(now, use, begin);
        bool waits = false;
        try {
            waits = !of.is_cut_off && it->transmit(now);
        } catch (const key_mismatch&) {
            throw;
        } catch (const protocol_error&) {
            if (!it->is_established()) throw;
            // What the other side had said before it went counts: this ends when that has been read.
            of.is_cut_off = true;
        }
        if (!open || (!waits && it->is_to_be_closed())) return false;
        bool deaf = it->is_deaf();
        // Somebody may have used something since it went deaf: nobody would wake us for the rest.
        while (!deaf && it->has_rest()) {
            it->use_rest(now, use, begin);
            deaf = it->is_deaf();
        }
        if (deaf) {
            it->note_deaf(true, now);
            if (!it->is_deaf()) has_news(*it);  // used at this moment: who did that did not know that we wait for it
        }
        if (waits != of.waits_to_send || deaf != of.is_deaf) {
            of.waits_to_send = waits;
            of.is_deaf = deaf;
            watch_for(of, (deaf ? 0u : unsigned(EPOLLIN)) | (waits ? unsigned(EPOLLOUT) : 0u));
        }
        return true;
    }

    /// Of whom nothing is wanted is not watched at all: that it has ended would be said again and again.
    void watch_for(entry& of, unsigned events) const noexcept {
        const unsigned before = exchanged(of.events, events);
        watch(of.of->number(), events, events == 0 ? EPOLL_CTL_DEL : before == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD);
    }

    void end(const std::shared_ptr<connection>& which, const std::string& why, bool with_key) {
        const int number = which->number();
        connections_.erase(number);
        watch(number, 0, EPOLL_CTL_DEL);  // closing does not do that while a forked child has the socket as well
        which->close();
        owner_.closed(which, why, with_key);
    }

    void look_after_all(clock::time_point now) {
        last_look_ = now;
        if (listens_again_ != clock::time_point() && now >= listens_again_) {
            listens_again_ = {};
            watch(listener_.number(), EPOLLIN, EPOLL_CTL_MOD);
        }
        std::vector<std::shared_ptr<connection>> dead;
        std::vector<int> can_hear_again;
        for (auto& each : connections_) {
            if (each.second.is_deaf && !each.second.of->is_deaf()) can_hear_again.push_back(each.first);
            const heartbeat::action what = action_due(*each.second.of, now);
            if (what == heartbeat::action::beat) each.second.of->send(frame_type::ping, 0, {});
            if (what == heartbeat::action::give_up) dead.push_back(each.second.of);
        }
        for (const int number : can_hear_again) serve(number, now, false);  // of which it was not told
        for (const auto& each : dead)
            end(each, each->is_established() ? "nothing has been heard of it for 30 s" : "it did not say who it is",
                false);
    }

    static heartbeat::action action_due(connection& of, clock::time_point now) {
        const lock_guard lock(of.input_and_output());
        const heartbeat::action what = of.pulse().due(now);
        if (what == heartbeat::action::beat) of.pulse().has_sent(now);
        return what;
    }

    hub_owner& owner_;
    mutex turn_;  // held by whoever does what there is to do
    descriptor epoll_;
    bell bell_;
    descriptor listener_;
    conversation how_;
    std::map<int, entry> connections_;
    clock::time_point last_look_{};
    clock::time_point listens_again_{};
    bool has_said_that_none_are_left_ = false;
    clock::time_point stopped_{};
    std::atomic<bool> awake_ = true;

    mutex mutex_;
    std::vector<int> news_;
    std::vector<std::shared_ptr<connection>> added_;
    bool stopping_ = false;
    goodbye goodbye_ = goodbye::when_sent;
    clock::duration longest_goodbye_{};
    plain_thread thread_;
};

}  // namespace fanout::detail
