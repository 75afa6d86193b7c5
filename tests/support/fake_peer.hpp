// One side of a connection, driven by hand: a worker, or somebody who says that he is one.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <fanout/tcp/address.hpp>
#include <fanout/tcp/frames.hpp>
#include <fanout/tcp/messages.hpp>
#include <fanout/tcp/secure_channel.hpp>

#include <deque>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

class fake_peer {
public:
    explicit fake_peer(const fanout::detail::address& to) {
        std::string why;
        socket_ = fanout::detail::connect_to(to, 5000, why);
        if (!socket_) throw std::runtime_error(why);
    }
    explicit fake_peer(fanout::detail::descriptor socket) : socket_(std::move(socket)) {}

    void send_raw(const std::string& bytes) const {
        for (std::size_t at = 0; at < bytes.size();) {
            const ssize_t sent = ::send(socket_.number(), bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
            if (sent < 0 && errno == EAGAIN) {
                wait(POLLOUT);
                continue;
            }
            if (sent <= 0) return;  // the other side has had enough
            at += static_cast<std::size_t>(sent);
        }
    }

    /// What comes; empty: the other side has closed the connection.
    std::string receive_raw(int milliseconds = 10'000) const {
        char buffer[65536];
        if (!wait(POLLIN, milliseconds)) throw std::runtime_error("nothing came");
        const ssize_t got = recv(socket_.number(), buffer, sizeof buffer, 0);
        return got > 0 ? std::string(buffer, static_cast<std::size_t>(got)) : std::string();
    }

    bool is_closed_by_other_side(int milliseconds = 15'000) const {
        for (;;) {
            if (!wait(POLLIN, milliseconds)) return false;
            if (receive_raw().empty()) return true;
        }
    }

    /// As a worker: preface, TLS if there is a key. False if the other side closes the connection, or is not believed.
    bool introduce(const fanout::detail::secret_key* key, fanout::detail::preface mine = {}) {
        using namespace fanout::detail;
        mine.from = role::worker;
        mine.security = key ? security_mode::tls : security_mode::plain;
        send_raw(mine.bytes());
        std::string theirs;
        while (theirs.size() < preface::size) {
            const std::string more = receive_raw();
            if (more.empty()) return false;
            theirs += more;
        }
        const std::string rest = theirs.substr(preface::size);
        theirs.resize(preface::size);
        if (key)
            channel_ = std::make_unique<secure_channel>(role::worker, *key, theirs + mine.bytes());
        else
            channel_ = std::make_unique<plain_channel>();
        channel_->incoming().push(rest.data(), rest.size());
        try {
            while (!channel_->shake_hands()) {
                flush();
                const std::string more = receive_raw();
                if (more.empty()) return false;
                channel_->incoming().push(more.data(), more.size());
            }
        } catch (const protocol_error&) {
            flush();
            return false;
        }
        flush();
        return true;
    }

    void say_hello(const std::string& identity, int slots = 1, const std::string& host = "fake") {
        fanout::detail::hello_message hello;
        hello.host = host;
        hello.pid = 1;
        hello.program = "/fake/program";
        hello.identity = identity;
        hello.slots = slots;
        send(fanout::detail::frame_type::hello, 0, fanout::detail::packed(hello));
    }

    void send(fanout::detail::frame_type type, std::uint64_t stream, const std::string& payload, bool last = true) {
        std::string header(fanout::detail::frame::header_size, '\0');
        fanout::detail::frame{type, last, false, false, stream}.put_header(header.data(), payload.size());
        channel_->write(header.data(), header.size());
        if (!payload.empty()) channel_->write(payload.data(), payload.size());
        flush();
    }

    /// The next frame that is not a ping; none if the other side closes the connection.
    std::optional<fanout::detail::frame> receive() {
        for (;;) {
            if (!frames_.empty()) {
                fanout::detail::frame next = std::move(frames_.front());
                frames_.pop_front();
                if (next.type == fanout::detail::frame_type::ping) continue;
                return next;
            }
            parse();
            if (!frames_.empty()) continue;
            const std::string more = receive_raw();
            if (more.empty()) return std::nullopt;
            channel_->incoming().push(more.data(), more.size());
        }
    }

private:
    bool wait(short events, int milliseconds = 10'000) const {
        pollfd there{socket_.number(), events, 0};
        return poll(&there, 1, milliseconds) > 0;
    }

    void flush() {
        fanout::detail::byte_queue& out = channel_->outgoing();
        send_raw(std::string(out.data(), out.size()));
        out.pop(out.size());
    }

    void parse() {
        parser_.allow(fanout::detail::frame::longest);
        parser_.parse([this](char* to, std::size_t size) { return channel_->read(to, size); },
                      [this](fanout::detail::frame got) { frames_.push_back(std::move(got)); });
    }

    fanout::detail::descriptor socket_;
    std::unique_ptr<fanout::detail::channel> channel_;
    fanout::detail::frame_parser parser_;
    std::deque<fanout::detail::frame> frames_;
};
