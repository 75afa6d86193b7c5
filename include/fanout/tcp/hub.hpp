// The thread that does the input and output of all connections of a process.
#pragma once

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fanout/core/clock.hpp"
#include "fanout/core/lock.hpp"
#include "fanout/core/plain_thread.hpp"
#include "fanout/processes/system.hpp"
#include "fanout/tcp/connection.hpp"

namespace fanout::detail {

/// Who a hub works for. Everything is called by the hub's thread.
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

    /// Closes all connections, after what is to be sent, and ends the thread. `others_leave`: they have been told to
    /// close their ends, and get a moment for that: who closes first may cut off what he has said last.
    void stop(bool others_leave = false) {
        {
            const lock_guard lock(mutex_);
            if (stopping_ || !thread_.joinable()) return;
            stopping_ = true;
            others_leave_ = others_leave;
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

    void watch(int number, unsigned events, int operation) const noexcept {
        epoll_event event{};
        event.events = events;
        event.data.fd = number;
        epoll_ctl(epoll_.number(), operation, number, &event);
    }

    void run() {
        std::vector<epoll_event> events(256);
        while (!is_done()) {
            const clock::time_point before = clock::now();
            awake_.store(false, std::memory_order_seq_cst);
            const bool busy = has_work();
            const int count = epoll_wait(epoll_.number(), events.data(), static_cast<int>(events.size()),
                                         busy ? 0 : wait_time(before));
            awake_.store(true, std::memory_order_seq_cst);
            const clock::time_point now = clock::now();
            for (int i = 0; i < count; ++i) {
                const int number = events[static_cast<std::size_t>(i)].data.fd;
                if (number == bell_.number())
                    bell_.silence();
                else if (number == listener_.number())
                    accept_all(now);
                else
                    serve(number, now, (events[static_cast<std::size_t>(i)].events & ~unsigned(EPOLLOUT)) != 0);
            }
            take_in_news(now);
            if (now - last_look_ >= std::chrono::milliseconds(100) || count == 0) look_after_all(now);
            owner_.tick(now);
        }
        for (auto& each : connections_) each.second.of->close();
    }

    bool is_done() {
        bool waits_for_others = false;
        {
            const lock_guard lock(mutex_);
            if (!stopping_) return false;
            waits_for_others = others_leave_;
        }
        // What has been said has to be sent; but not to somebody who does not listen.
        const clock::time_point now = clock::now();
        if (stop_at_ == clock::time_point()) stop_at_ = now + std::chrono::seconds(2);
        take_in_news(now);
        if (now >= stop_at_) return true;
        waits_for_others = waits_for_others && stop_at_ - now > std::chrono::milliseconds(1500);
        for (const auto& each : connections_)
            if (each.second.waits_to_send || (waits_for_others && each.second.of->is_established())) return false;
        return true;
    }

    bool has_work() {
        const lock_guard lock(mutex_);
        return !news_.empty() || !added_.empty();
    }

    int wait_time(clock::time_point now) {
        if (stop_at_ != clock::time_point()) return 10;
        static_cast<void>(now);
        return 250;
    }

    void accept_all(clock::time_point now) {
        for (;;) {
            descriptor socket(accept4(listener_.number(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
            if (!socket) {
                if (errno == EINTR || errno == ECONNABORTED) continue;
                return;
            }
            int strangers = 0;
            for (const auto& each : connections_) strangers += !each.second.of->is_established();
            if (strangers >= most_strangers) continue;  // closed: who is honest tries again
            begin(std::make_shared<connection>(std::move(socket), how_, driver(), now), now);
        }
    }

    void begin(const std::shared_ptr<connection>& with, clock::time_point now) {
        const int number = with->number();
        connections_[number] = {with, false, false};
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
        bool is_deaf = false;
    };

    void serve(int number, clock::time_point now, bool readable) {
        const auto found = connections_.find(number);
        if (found == connections_.end()) return;
        const std::shared_ptr<connection> it = found->second.of;
        const auto use = [&](frame got) {
            if (got.type == frame_type::ping)
                it->send(frame_type::pong, 0, {});
            else if (got.type != frame_type::pong)
                owner_.received(it, std::move(got));
        };
        const auto begin = [&] { owner_.established(it); };
        try {
            if (found->second.is_deaf && !it->is_deaf()) {
                it->pulse().set_deaf(false, now);
                it->use_rest(now, use, begin);
            }
            bool open = true;
            if (readable) open = it->receive(now, use, begin);
            const bool waits = it->transmit(now);
            if (!open) return end(it, "", false);
            if (!waits && it->is_to_be_closed()) return end(it, "", false);
            const bool deaf = it->is_deaf();
            if (waits != found->second.waits_to_send || deaf != found->second.is_deaf) {
                if (deaf) it->pulse().set_deaf(true, now);
                found->second.waits_to_send = waits;
                found->second.is_deaf = deaf;
                watch(number, (deaf ? 0u : unsigned(EPOLLIN)) | (waits ? unsigned(EPOLLOUT) : 0u), EPOLL_CTL_MOD);
            }
        } catch (const key_mismatch& e) {
            // The other side wants to know as well: what TLS has to say to it is still to be sent.
            try {
                it->transmit(now);
            } catch (const protocol_error&) {
            }
            end(it, e.what(), true);
        } catch (const std::exception& e) {
            end(it, e.what(), false);
        }
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
        std::vector<std::shared_ptr<connection>> dead;
        for (auto& each : connections_) {
            switch (each.second.of->pulse().due(now)) {
                case heartbeat::action::none:
                    break;
                case heartbeat::action::beat:
                    each.second.of->pulse().has_sent(now);
                    each.second.of->send(frame_type::ping, 0, {});
                    break;
                case heartbeat::action::give_up:
                    dead.push_back(each.second.of);
            }
        }
        for (const auto& each : dead)
            end(each, each->is_established() ? "nothing has been heard of it for 30 s" : "it did not say who it is",
                false);
    }

    hub_owner& owner_;
    descriptor epoll_;
    bell bell_;
    descriptor listener_;
    conversation how_;
    std::map<int, entry> connections_;
    clock::time_point last_look_{};
    clock::time_point stop_at_{};
    std::atomic<bool> awake_ = true;

    mutex mutex_;
    std::vector<int> news_;
    std::vector<std::shared_ptr<connection>> added_;
    bool stopping_ = false;
    bool others_leave_ = false;
    plain_thread thread_;
};

}  // namespace fanout::detail
