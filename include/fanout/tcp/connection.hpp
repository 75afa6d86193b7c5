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
#include <string_view>
#include <system_error>
#include <utility>

#include "fanout/core/clock.hpp"
#include "fanout/core/exchanged.hpp"
#include "fanout/core/lock.hpp"
#include "fanout/processes/system.hpp"
#include "fanout/tcp/frames.hpp"
#include "fanout/tcp/heartbeat.hpp"
#include "fanout/tcp/secure_channel.hpp"
#include "fanout/tcp/spare_payloads.hpp"

namespace fanout::detail {

class connection;

/// Who does a connection's input and output: it wants to be told that there is something to do.
class connection_driver {
public:
    virtual void has_news(connection& of) noexcept = 0;

    /// It would have to be woken.
    virtual bool is_asleep() const noexcept { return false; }

    /// Bytes that all its connections have received and nobody has used yet.
    std::atomic<std::size_t> unused = 0;

protected:
    ~connection_driver() = default;
};

/// How soon something has to be on its way.
enum class haste : std::uint8_t {
    by_driver,  // soon, together with what else there is by then
    at_once,    // somebody waits for it: while the driver sleeps the sender puts it into the socket himself
    with_next   // with what will be sent at once
};

/// How both sides of a connection are to talk.
struct conversation {
    role mine = role::coordinator;
    security_mode security = security_mode::tls;
    secret_key key;
    job_number job;
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
        mine_.job = how.job;
        RAND_bytes(reinterpret_cast<unsigned char*>(mine_.nonce), sizeof mine_.nonce);
        raw_out_ = mine_.bytes();
    }
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    /// Stays, also when it has been closed.
    int number() const noexcept { return number_; }

    // --- any thread ------------------------------------------------------------------------------------------------

    /// Appends a message, or a part of one, to what is to be sent. Never waits for the other side.
    ///
    /// `rest` comes behind the payload, as if it were a part of it. It may be long, and go to others as well.
    void send(frame what, haste how = haste::by_driver, std::shared_ptr<const std::string> rest = nullptr) {
        bool was_idle = false;
        {
            const lock_guard lock(mutex_);
            if (closed_) return;
            was_idle = queue_.empty() && urgent_.empty();
            const bool urgent = what.type == frame_type::ping || what.type == frame_type::pong;
            std::deque<outgoing>& to = urgent ? urgent_ : queue_;
            queued_ += what.payload.size() + (rest ? rest->size() : 0) + frame::header_size;
            if (rest || what.payload.size() > longest_packed)
                to.push_back({std::move(what), 0, std::move(rest)});
            else
                pack(to, what);
        }
        if (how == haste::with_next || (how == haste::by_driver && !was_idle)) return;
        if (how == haste::at_once && driver_.is_asleep() && sent_at_once()) return;
        driver_.has_news(*this);
    }
    void send(frame_type type, std::uint64_t stream, std::string payload, haste how = haste::by_driver) {
        send({type, true, false, false, stream, std::move(payload)}, how);
    }

    /// The same, but waits while much is waiting to be sent already. False: the connection is gone.
    bool send_when_there_is_room(frame what, haste how = haste::by_driver) {
        {
            unique_lock lock(mutex_);
            room_.wait(lock, [this] { return closed_ || waits_no_more_ || queued_ < most_queued; });
            room_.notify_one();  // others may be waiting too
            has_refused_ = has_refused_ || closed_ || queued_ >= most_queued;
            if (has_refused_) return false;
        }
        send(std::move(what), how);
        return true;
    }

    /// Whoever waits for room, or would, is refused, and so is everything that comes after what was refused first: a
    /// message in parts ends there.
    void wait_no_more() noexcept {
        {
            const lock_guard lock(mutex_);
            waits_no_more_ = true;
        }
        room_.notify_one();
    }

    /// So many bytes of what was received have been used.
    void has_used(std::size_t bytes) noexcept {
        // Who uses and then asks for the flag, and who sets it and then asks for what is unused: one sees the other.
        driver_.unused.fetch_sub(bytes, std::memory_order_seq_cst);
        unused_.fetch_sub(bytes, std::memory_order_seq_cst);
        if (was_deaf_.load(std::memory_order_seq_cst) && !is_deaf()) driver_.has_news(*this);
    }

    /// Somebody waits for what comes next: what others have not used is no reason to be deaf.
    void set_wanted(bool wanted) noexcept {
        is_wanted_.store(wanted, std::memory_order_seq_cst);
        if (wanted && was_deaf_.load(std::memory_order_seq_cst)) driver_.has_news(*this);
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

    /// Held by the driver while it does anything with the connection of what follows.
    mutex& input_and_output() noexcept { return io_; }

    heartbeat& pulse() noexcept { return pulse_; }

    /// Whether the driver lets the input wait.
    void note_deaf(bool now_deaf, clock::time_point now) noexcept {
        pulse_.set_deaf(now_deaf, now);
        was_deaf_.store(now_deaf, std::memory_order_seq_cst);
    }

    /// Reads what is there. `use(frame)` gets each frame, `established()` is called once before. False: the other side
    /// has closed the connection. Throws `protocol_error`.
    template <class Use, class Established>
    bool receive(clock::time_point now, const Use& use, const Established& established) {
        for (int rounds = 0; rounds < 16; ++rounds) {
            if (is_deaf()) return true;
            const std::size_t most = established_ ? most_at_once : most_of_strangers;
            byte_queue& to = channel_ ? channel_->incoming() : unread_;
            const ssize_t got = recv(number(), to.room_for(most), most, MSG_DONTWAIT);
            if (got == 0) {
                use_bytes(use, established, now);
                return has_rest_;
            }
            if (got < 0) {
                const int error = errno;
                to.pop(0);
                if (error == EINTR) continue;
                if (error == EAGAIN || error == EWOULDBLOCK) return true;
                throw protocol_error(std::generic_category().message(error));
            }
            pulse_.has_heard(now);
            to.pushed(static_cast<std::size_t>(got));
            if (!channel_) begin_channel();
            use_bytes(use, established, now);
            if (static_cast<std::size_t>(got) < most) return true;
        }
        return true;
    }

    /// We went deaf before all was used that had been received. It has to be used even if nothing more comes.
    bool has_rest() const noexcept { return has_rest_; }

    /// What had been received when we went deaf. For who is not deaf any more.
    template <class Use, class Established>
    void use_rest(clock::time_point now, const Use& use, const Established& established) {
        if (channel_) use_bytes(use, established, now);
    }

    /// Much has been received that nobody has used: nothing more is read. Everybody may have a little, for somebody may
    /// be waiting for just that.
    bool is_deaf() const noexcept {
        if (is_wanted_.load(std::memory_order_seq_cst)) return false;
        const std::size_t unused = unused_.load(std::memory_order_seq_cst);
        return unused > most_unused ||
               (unused > fair_share && driver_.unused.load(std::memory_order_seq_cst) > most_unused_of_all);
    }

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
        const lock_guard lock(io_);
        if (socket_) shutdown(number(), SHUT_RDWR);  // closing says nothing while a forked child has the socket as well
        socket_.close();
    }

private:
    /// All that is waiting. False if the driver has to see to it.
    bool sent_at_once() noexcept {
        const try_lock_guard io(io_);
        if (!io) return false;
        try {
            return socket_ && established_ && !transmit(clock::now());  // it may have been closed meanwhile
        } catch (const std::exception&) {                               // which the driver will come upon as well
            return false;
        }
    }

    static constexpr std::size_t most_at_once = 64 << 10;
    static constexpr std::size_t most_of_strangers = 4096;
    static constexpr std::size_t most_queued = 8 << 20;
    static constexpr std::size_t longest_packed = 1024;
    static constexpr std::size_t most_packed = 7680;  // a string that doubles is full then
    static constexpr std::size_t most_unused = 16 << 20;
    static constexpr std::size_t fair_share = 512 << 10;
    static constexpr std::size_t most_unused_of_all = 48 << 20;

    struct outgoing {
        frame what;
        std::size_t sent = 0;
        std::shared_ptr<const std::string> rest{};

        bool is_packed = false;  // the payload is several short frames with their headers

        std::size_t size() const noexcept { return what.payload.size() + (rest ? rest->size() : 0); }
        std::size_t size_with_header() const noexcept { return size() + (is_packed ? 0 : frame::header_size); }

        /// What is to be sent next of it lies in one piece from here on.
        std::string_view next() const noexcept {
            const std::string_view payload = what.payload;
            if (sent < payload.size() || !rest) return payload.substr(sent);
            return std::string_view(*rest).substr(sent - payload.size());
        }
    };

    /// A queue of many short frames, as of tasks that are sent ahead, takes little more than their bytes.
    static void pack(std::deque<outgoing>& to, const frame& added) {
        const std::size_t size = frame::header_size + added.payload.size();
        if (to.empty() || !to.back().is_packed || to.back().what.payload.size() + size > most_packed) {
            to.emplace_back();
            to.back().is_packed = true;
        }
        char header[frame::header_size];
        added.put_header(header);
        to.back().what.payload.append(header, sizeof header).append(added.payload);
    }

    void set_options() const noexcept {
        const auto set = [this](int level, int name, int value) {
            setsockopt(number(), level, name, &value, sizeof value);
        };
        set(IPPROTO_TCP, TCP_NODELAY, 1);
        set(SOL_SOCKET, SO_KEEPALIVE, 1);
        set(IPPROTO_TCP, TCP_KEEPIDLE, 10);
        set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
        set(IPPROTO_TCP, TCP_KEEPCNT, 3);
    }

    /// When the other side's preface is here.
    void begin_channel() {
        const std::string theirs(unread_.data(), unread_.size() < preface::size ? unread_.size() : preface::size);
        preface expected;
        expected.from = how_.mine == role::coordinator ? role::worker : role::coordinator;
        expected.security = how_.security;
        expected.job = how_.job;
        if (!preface::check(theirs, expected)) return;
        unread_.pop(preface::size);
        const std::string transcript = how_.mine == role::coordinator ? mine_.bytes() + theirs : theirs + mine_.bytes();
        if (how_.security == security_mode::plain)
            channel_ = std::make_unique<plain_channel>();
        else
            channel_ = std::make_unique<secure_channel>(how_.mine, how_.key, transcript);
        channel_->incoming() = exchanged(unread_, {});
    }

    template <class Use, class Established>
    void use_bytes(const Use& use, const Established& established, clock::time_point now) {
        if (!channel_) return;
        if (!established_) {
            if (!channel_->shake_hands()) return;
            established_ = true;
            parser_.take_memory_from([] { return spare_payloads::here().take(); });
            pulse_.has_shaken_hands(now);
            established();
        }
        has_rest_ = false;
        parser_.parse(
            [this](char* to, std::size_t size) {
                has_rest_ = is_deaf();
                return has_rest_ ? 0 : channel_->read(to, size);
            },
            [&](frame got) {
                parser_.allow(frame::longest);
                unused_.fetch_add(got.payload.size(), std::memory_order_relaxed);
                driver_.unused.fetch_add(got.payload.size(), std::memory_order_relaxed);
                use(std::move(got));
            });
    }

    /// True: the socket takes no more now.
    bool flush(clock::time_point now) {
        for (;;) {
            const char* data = raw_out_.data();
            std::size_t size = raw_out_.size();
            const bool raw = size > 0;
            if (!raw && channel_) {
                data = channel_->outgoing().data();
                size = channel_->outgoing().size();
            }
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
                channel_->outgoing().pop(static_cast<std::size_t>(sent));
        }
    }

    void write_frame(const outgoing& of, std::string_view part, bool is_last) {
        const frame header{of.what.type, is_last && of.what.last, of.what.abandoned, of.what.continues || of.sent > 0,
                           of.what.stream};
        std::string bytes(frame::header_size, '\0');
        header.put_header(bytes.data(), part.size());
        if (part.size() < 16384) {  // one record
            bytes.append(part);
            channel_->write(bytes.data(), bytes.size());
        } else {
            channel_->outgoing().room_for(part.size() + part.size() / 256);  // at once, with what TLS adds
            channel_->write(bytes.data(), bytes.size());
            channel_->write(part.data(), part.size());
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
            const std::string_view here = next.next().substr(0, frame::longest);
            const std::size_t part = here.size();
            const bool whole = next.sent + part == next.size();
            if (next.is_packed)
                channel_->write(here.data(), part);
            else
                write_frame(next, here, whole);
            filled += frame::header_size + part;
            next.sent += part;
            const lock_guard lock(mutex_);
            std::deque<outgoing>& from = urgent ? urgent_ : queue_;
            if (from.empty()) break;  // it was closed
            if (whole) {
                from.pop_front();
                queued_ -= next.size_with_header();
                if (queued_ < most_queued) room_.notify_one();
                if (next.what.payload.size() == frame::longest)
                    spare_payloads::here().give(std::move(next.what.payload));
            } else {
                std::swap(next, from.front());
            }
        }
        return filled > 0;
    }

    mutex io_;
    descriptor socket_;
    const int number_;
    const conversation how_;
    connection_driver& driver_;
    heartbeat pulse_;
    preface mine_;
    byte_queue unread_;  // before there is a channel
    std::string raw_out_;
    std::unique_ptr<channel> channel_;
    frame_parser parser_;
    bool established_ = false;
    bool has_rest_ = false;
    std::atomic<std::size_t> unused_ = 0;
    std::atomic<bool> was_deaf_ = false;
    std::atomic<bool> is_wanted_ = false;

    mutex mutex_;
    condition_variable room_;
    std::deque<outgoing> queue_;
    std::deque<outgoing> urgent_;
    std::size_t queued_ = 0;
    bool closing_ = false;
    bool closed_ = false;
    bool waits_no_more_ = false;
    bool has_refused_ = false;
};

}  // namespace fanout::detail
