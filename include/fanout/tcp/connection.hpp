// One TCP connection between coordinator and worker: preface, handshake, frames in both directions.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "fanout/core/clock.hpp"
#include "fanout/core/lock.hpp"
#include "fanout/processes/system.hpp"
#include "fanout/tcp/frames.hpp"
#include "fanout/tcp/heartbeat.hpp"
#include "fanout/tcp/secure_channel.hpp"

namespace fanout::detail {

class connection;

/// Who does a connection's input and output: it wants to be told that there is something to do.
class connection_driver {
public:
    virtual void has_news(connection& of) noexcept = 0;

protected:
    ~connection_driver() = default;
};

/// How both sides of a connection are to talk.
struct conversation {
    role mine = role::coordinator;
    security_mode security = security_mode::tls;
    secret_key key;
    std::uint64_t job[2] = {};
    heartbeat::rhythm rhythm;
};

/// Input and output are done by one thread, that of its driver. What says so can be called by any.
class connection {
public:
    connection(descriptor socket, const conversation& how, connection_driver& driver, clock::time_point now)
        : socket_(std::move(socket)), number_(socket_.number()), how_(how), driver_(driver), pulse_(how.rhythm, now) {
        set_options();
        mine_.from = how.mine;
        mine_.security = how.security;
        mine_.job[0] = how.job[0];
        mine_.job[1] = how.job[1];
        RAND_bytes(reinterpret_cast<unsigned char*>(mine_.nonce), sizeof mine_.nonce);
        raw_out_ = mine_.bytes();
    }
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    /// Stays, also when it has been closed.
    int number() const noexcept { return number_; }

    // --- any thread ------------------------------------------------------------------------------------------------

    /// Appends a message, or a part of one, to what is to be sent. Never waits.
    void send(frame what) {
        bool was_idle = false;
        {
            const lock_guard lock(mutex_);
            if (closed_) return;
            was_idle = queue_.empty() && urgent_.empty();
            queued_ += what.payload.size() + frame::header_size;
            const bool urgent = what.type == frame_type::ping || what.type == frame_type::pong;
            (urgent ? urgent_ : queue_).push_back({std::move(what), 0});
        }
        if (was_idle) driver_.has_news(*this);
    }
    void send(frame_type type, std::uint64_t stream, std::string payload) {
        send({type, true, false, stream, std::move(payload)});
    }

    /// The same, but waits while much is waiting to be sent already. False: the connection is gone.
    bool send_when_there_is_room(frame what) {
        {
            unique_lock lock(mutex_);
            room_.wait(lock, [this] { return closed_ || queued_ < most_queued; });
            if (closed_) return false;
        }
        send(std::move(what));
        return true;
    }

    /// So many bytes of what was received have been used.
    void has_used(std::size_t bytes) noexcept {
        const std::size_t before = unused_.fetch_sub(bytes, std::memory_order_relaxed);
        if (before > most_unused / 2 && before - bytes <= most_unused / 2) driver_.has_news(*this);
    }

    /// As long as bytes are sent nobody believes that the other side is dead; afterwards the driver closes it.
    void close_when_sent() noexcept {
        {
            const lock_guard lock(mutex_);
            closing_ = true;
        }
        driver_.has_news(*this);
    }

    // --- the driver's thread ---------------------------------------------------------------------------------------

    bool is_established() const noexcept { return established_; }
    heartbeat& pulse() noexcept { return pulse_; }

    /// Reads what is there. `use(frame)` gets each frame, `established()` is called once before. False: the other side
    /// has closed the connection. Throws `protocol_error`.
    template <class Use, class Established>
    bool receive(clock::time_point now, const Use& use, const Established& established) {
        char buffer[64 << 10];
        for (int rounds = 0; rounds < 16; ++rounds) {
            if (is_deaf()) return true;
            const ssize_t got = recv(number(), buffer, sizeof buffer, MSG_DONTWAIT);
            if (got == 0) {
                use_bytes(use, established, now);
                return false;
            }
            if (got < 0) {
                if (errno == EINTR) continue;
                if (errno == EAGAIN || errno == EWOULDBLOCK) return true;
                throw protocol_error(std::generic_category().message(errno));
            }
            pulse_.has_heard(now);
            take(buffer, static_cast<std::size_t>(got));
            use_bytes(use, established, now);
            if (static_cast<std::size_t>(got) < sizeof buffer) return true;
        }
        return true;
    }

    /// What had been received when we went deaf. For who is not deaf any more.
    template <class Use, class Established>
    void use_rest(clock::time_point now, const Use& use, const Established& established) {
        if (channel_) use_bytes(use, established, now);
    }

    /// Much has been received that nobody has used: nothing more is read.
    bool is_deaf() const noexcept { return unused_.load(std::memory_order_relaxed) > most_unused; }

    /// Sends as much as goes. True: there is more, and the socket takes no more now. Throws `protocol_error`.
    bool transmit(clock::time_point now) {
        for (;;) {
            if (const bool more = flush(now)) return more;
            if (!established_ || !fill_channel()) return false;
        }
    }

    bool is_to_be_closed() {
        const lock_guard lock(mutex_);
        return closing_ && queue_.empty() && urgent_.empty();
    }

    void close() noexcept {
        {
            const lock_guard lock(mutex_);
            closed_ = true;
            queue_.clear();
            urgent_.clear();
        }
        room_.notify_one();
        socket_.close();
    }

private:
    static constexpr std::size_t most_queued = 8 << 20;
    static constexpr std::size_t most_unused = 16 << 20;

    struct outgoing {
        frame what;
        std::size_t sent = 0;
    };

    void set_options() const noexcept {
        const auto set = [this](int level, int name, int value) {
            setsockopt(number(), level, name, &value, sizeof value);
        };
        set(IPPROTO_TCP, TCP_NODELAY, 1);
        set(SOL_SOCKET, SO_KEEPALIVE, 1);
        set(IPPROTO_TCP, TCP_KEEPIDLE, 10);
        set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
        set(IPPROTO_TCP, TCP_KEEPCNT, 3);
        set(IPPROTO_TCP, TCP_USER_TIMEOUT, 30'000);
    }

    void take(const char* data, std::size_t size) {
        if (channel_) return channel_->received(data, size);
        theirs_.append(data, size);
        preface expected;
        expected.from = how_.mine == role::coordinator ? role::worker : role::coordinator;
        expected.security = how_.security;
        expected.job[0] = how_.job[0];
        expected.job[1] = how_.job[1];
        if (!preface::check(theirs_, expected)) return;
        const std::string rest = theirs_.substr(preface::size);
        theirs_.resize(preface::size);
        const std::string transcript =
            how_.mine == role::coordinator ? mine_.bytes() + theirs_ : theirs_ + mine_.bytes();
        if (how_.security == security_mode::plain)
            channel_ = std::make_unique<plain_channel>();
        else
            channel_ = std::make_unique<secure_channel>(how_.mine, how_.key, transcript);
        if (!rest.empty()) channel_->received(rest.data(), rest.size());
    }

    template <class Use, class Established>
    void use_bytes(const Use& use, const Established& established, clock::time_point now) {
        if (!channel_) return;
        if (!established_) {
            if (!channel_->shake_hands()) return;
            established_ = true;
            pulse_.has_shaken_hands(now);
            established();
        }
        parser_.parse([this](char* to, std::size_t size) { return is_deaf() ? 0 : channel_->read(to, size); },
                      [&](frame got) {
                          parser_.allow(frame::longest);
                          unused_.fetch_add(got.payload.size(), std::memory_order_relaxed);
                          use(std::move(got));
                      });
    }

    /// True: the socket takes no more now.
    bool flush(clock::time_point now) {
        for (;;) {
            const char* data = raw_out_.data();
            std::size_t size = raw_out_.size();
            const bool raw = size > 0;
            if (!raw && channel_) data = channel_->outgoing(size);
            if (size == 0) return false;
            const ssize_t sent = ::send(number(), data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent < 0) {
                if (errno == EINTR) continue;
                if (errno == EAGAIN || errno == EWOULDBLOCK) return true;
                throw protocol_error(std::generic_category().message(errno));
            }
            pulse_.has_sent(now);
            if (raw)
                raw_out_.erase(0, static_cast<std::size_t>(sent));
            else
                channel_->sent(static_cast<std::size_t>(sent));
        }
    }

    /// Some frames more into the channel. False if there are none.
    bool fill_channel() {
        std::size_t filled = 0;
        while (filled < frame::longest) {
            outgoing next;
            bool urgent = false;
            {
                const lock_guard lock(mutex_);
                urgent = !urgent_.empty();
                std::deque<outgoing>& from = urgent ? urgent_ : queue_;
                if (from.empty()) break;
                std::swap(next, from.front());  // nobody else looks at what is at the front
            }
            const std::size_t left = next.what.payload.size() - next.sent;
            const std::size_t part = left < frame::longest ? left : frame::longest;
            const bool whole = part == left;
            batch_.resize(frame::header_size);
            frame::put_header(batch_.data(), next.what.type, whole && next.what.last, next.what.abandoned,
                              next.what.stream, part);
            if (part < 16384) {  // one record
                batch_.append(next.what.payload, next.sent, part);
                channel_->write(batch_.data(), batch_.size());
            } else {
                channel_->write(batch_.data(), batch_.size());
                channel_->write(next.what.payload.data() + next.sent, part);
            }
            filled += frame::header_size + part;
            next.sent += part;
            const lock_guard lock(mutex_);
            std::deque<outgoing>& from = urgent ? urgent_ : queue_;
            if (from.empty()) break;  // it was closed
            if (whole) {
                from.pop_front();
                queued_ -= next.what.payload.size() + frame::header_size;
                if (queued_ < most_queued) room_.notify_one();
            } else {
                std::swap(next, from.front());
            }
        }
        return filled > 0;
    }

    descriptor socket_;
    const int number_;
    const conversation how_;
    connection_driver& driver_;
    heartbeat pulse_;
    preface mine_;
    std::string theirs_;
    std::string raw_out_;
    std::unique_ptr<channel> channel_;
    frame_parser parser_;
    bool established_ = false;
    std::string batch_;
    std::atomic<std::size_t> unused_ = 0;

    mutex mutex_;
    condition_variable room_;
    std::deque<outgoing> queue_;
    std::deque<outgoing> urgent_;
    std::size_t queued_ = 0;
    bool closing_ = false;
    bool closed_ = false;
};

}  // namespace fanout::detail
