// Somebody between workers and their coordinator, who reads along and does harm: loses messages, cuts, delays.
#pragma once

#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <fanout/tcp/address.hpp>
#include <fanout/tcp/frames.hpp>

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

/// In plain TCP, which it can read. A thread of its own.
class wire_in_between {
public:
    enum class fate { passes, is_lost, passes_and_then_the_wire_is_cut };

    /// `judge(type)` decides what becomes of each message, in the order in which they come. What is lost is lost with
    /// its connection, as TCP has it.
    wire_in_between(const std::string& coordinator, std::function<fate(fanout::detail::frame_type)> judge,
                    std::chrono::milliseconds delay = {})
        : coordinator_(fanout::detail::address::parse(coordinator)),
          judge_(std::move(judge)),
          delay_(delay),
          listener_(fanout::detail::listen_at({"127.0.0.1", "0"}, true)) {
        thread_ = std::jthread([this](const std::stop_token& stop) { carry(stop); });
    }

    /// Where workers find it.
    std::string address() const { return "127.0.0.1:" + fanout::detail::port_of(listener_); }

private:
    using clock = std::chrono::steady_clock;

    struct direction {
        int from = -1, to = -1;
        std::string in;  // what has come, and is no whole message yet
        bool has_preface = false;
        struct piece {
            clock::time_point due;
            std::string bytes;
            bool then_cut;
        };
        std::deque<piece> out{};
    };
    struct pair {
        fanout::detail::descriptor worker, coordinator;
        direction up, down;
    };

    void carry(const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            std::vector<pollfd> watched{{listener_.number(), POLLIN, 0}};
            for (const auto& each : pairs_) {
                watched.push_back({each->worker.number(), POLLIN, 0});
                watched.push_back({each->coordinator.number(), POLLIN, 0});
            }
            poll(watched.data(), watched.size(), 2);
            if (watched[0].revents != 0) let_in();
            std::erase_if(pairs_, [this](const auto& each) { return !carry(each->up) || !carry(each->down); });
        }
    }

    void let_in() {
        fanout::detail::descriptor worker(accept4(listener_.number(), nullptr, nullptr, SOCK_CLOEXEC));
        std::string why;
        fanout::detail::descriptor coordinator = fanout::detail::connect_to(coordinator_, 1000, why);
        if (!worker || !coordinator) return;
        fcntl(coordinator.number(), F_SETFL, 0);
        auto made = std::make_unique<pair>();
        made->up.from = made->down.to = worker.number();
        made->up.to = made->down.from = coordinator.number();
        made->worker = std::move(worker);
        made->coordinator = std::move(coordinator);
        pairs_.push_back(std::move(made));
    }

    /// False: the connection is over.
    bool carry(direction& way) {
        char buffer[65536];
        const ssize_t got = recv(way.from, buffer, sizeof buffer, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN)) return false;
        if (got > 0) way.in.append(buffer, static_cast<std::size_t>(got));
        while (const std::size_t whole = length_of_first(way)) {
            fate its = fate::passes;
            if (way.has_preface) its = judge_(static_cast<fanout::detail::frame_type>(way.in[0]));
            way.has_preface = true;
            if (its == fate::is_lost) return false;
            way.out.push_back(
                {clock::now() + delay_, way.in.substr(0, whole), its == fate::passes_and_then_the_wire_is_cut});
            way.in.erase(0, whole);
        }
        while (!way.out.empty() && way.out.front().due <= clock::now()) {
            const auto now = std::move(way.out.front());
            way.out.pop_front();
            for (std::size_t at = 0; at < now.bytes.size();) {
                const ssize_t sent = send(way.to, now.bytes.data() + at, now.bytes.size() - at, MSG_NOSIGNAL);
                if (sent <= 0) return false;
                at += static_cast<std::size_t>(sent);
            }
            if (now.then_cut) return wait_until_arrived(way.to), false;
        }
        return true;
    }

    /// What is on its way when a socket is closed that has not been read to its end is lost.
    static void wait_until_arrived(int socket) {
        for (int on_its_way = 1; on_its_way > 0;) {
            if (ioctl(socket, SIOCOUTQ, &on_its_way) != 0) return;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }

    static std::size_t length_of_first(const direction& way) {
        using fanout::detail::frame, fanout::detail::preface;
        std::size_t length = preface::size;
        if (way.has_preface) {
            if (way.in.size() < frame::header_size) return 0;
            length = frame::header_size;
            for (std::size_t i = 0; i < 4; ++i)
                length += static_cast<std::size_t>(static_cast<unsigned char>(way.in[4 + i])) << 8 * i;
        }
        return way.in.size() < length ? 0 : length;
    }

    const fanout::detail::address coordinator_;
    const std::function<fate(fanout::detail::frame_type)> judge_;
    const std::chrono::milliseconds delay_;
    const fanout::detail::descriptor listener_;
    std::vector<std::unique_ptr<pair>> pairs_;
    std::jthread thread_;
};
