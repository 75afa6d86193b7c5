// What workers send while a call runs, on its way from the thread that receives it to the one that called.
#pragma once

#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fanout/core/backend.hpp"
#include "fanout/core/bytes.hpp"
#include "fanout/core/clock.hpp"
#include "fanout/core/exchanged.hpp"
#include "fanout/core/lock.hpp"
#include "fanout/processes/system.hpp"
#include "fanout/serialize/decode_error.hpp"
#include "fanout/tcp/connection.hpp"
#include "fanout/tcp/frames.hpp"
#include "fanout/tcp/spare_payloads.hpp"

namespace fanout::detail {

/// A worker that has said who it is.
struct peer {
    std::uint64_t number = 0;
    std::shared_ptr<connection> wire;
    std::string host;
    long pid = 0;
    int slots = 1;
    int first_slot = 0;                      // of all slots of all workers
    std::atomic<bool> leaves = false;        // it has said so, and is to get nothing more
    bool is_same_build = true;               // if not it is of use only for functions that have a name
    std::deque<std::uint64_t> has_shared{};  // values that it has been sent; for the thread that runs a call
};

struct run_event {
    enum class what { joined, lost, frame };

    what kind = what::joined;
    std::shared_ptr<peer> from;
    frame got;  // if it was lost, the reason is its payload
};

/// Filled by one thread, emptied by another, which is woken by the bell.
///
/// Who reads a result that is still arriving has to wait for its rest, and cannot see to anybody else meanwhile. So the
/// parts of a result stay here until all have come, or as many as may be kept.
class run_inbox {
public:
    ~run_inbox() {
        for (const auto& each : arriving_) forget(each.second.parts);
    }

    void put(run_event event) {
        bool is_news = true;
        std::vector<run_event> of_no_use;
        {
            const lock_guard lock(mutex_);
            if (event.kind == run_event::what::frame && event.got.type == frame_type::result) {
                is_news = put_result(std::move(event), of_no_use);
            } else {
                if (event.kind == run_event::what::lost) of_no_use = take_arriving_of(*event.from);
                events_.push_back(std::move(event));
            }
        }
        forget(of_no_use);
        if (is_news && sleeps_.exchange(false, std::memory_order_seq_cst)) bell_.ring();
    }

    std::optional<run_event> take() {
        const lock_guard lock(mutex_);
        if (events_.empty()) return std::nullopt;
        run_event first = std::move(events_.front());
        events_.pop_front();
        return first;
    }

    /// The next frame of this type and stream from this worker, in front of everything else that has come; or that the
    /// worker is lost, which is not taken.
    std::optional<run_event> take_of(const peer& from, frame_type type, std::uint64_t stream, bool& lost) {
        const lock_guard lock(mutex_);
        for (auto each = events_.begin(); each != events_.end(); ++each) {
            if (each->from.get() != &from) continue;
            if (each->kind == run_event::what::lost) lost = true;
            if (each->kind != run_event::what::frame || each->got.type != type || each->got.stream != stream) continue;
            run_event found = std::move(*each);
            events_.erase(each);
            return found;
        }
        seen_ = events_.size();  // of no use to who sleeps next: only news wake him
        return std::nullopt;
    }

    /// Until something is put, or the bell rings, or the time is up.
    void sleep(clock::duration longest) {
        sleeps_.store(true, std::memory_order_seq_cst);
        if (!has_news()) {
            pollfd ring{bell_.number(), POLLIN, 0};
            const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(longest).count();
            poll(&ring, 1, milliseconds > 0 ? static_cast<int>(milliseconds) : 0);
        }
        sleeps_.store(false, std::memory_order_relaxed);
        bell_.silence();
    }

    bool has_news() const {
        const lock_guard lock(mutex_);
        return events_.size() > seen_;
    }

    void look_at_all_again() {
        const lock_guard lock(mutex_);
        seen_ = 0;
    }

    const bell& ringing() const noexcept { return bell_; }

private:
    // Less than a connection, or all together, may have received before they hear no more.
    static constexpr std::size_t most_of_one = 8 << 20;
    static constexpr std::size_t most_of_all = 24 << 20;

    struct arriving {
        std::vector<run_event> parts{};
        std::size_t bytes = 0;
        bool is_read = false;  // its beginning has been given out: what comes follows
    };
    using message_of = std::pair<std::uint64_t, std::uint64_t>;  // the number of the worker, the stream

    /// False: it is a part that is kept back, or of no use.
    bool put_result(run_event part, std::vector<run_event>& of_no_use) {
        const message_of which{part.from->number, part.got.stream};
        const bool is_last = part.got.last;
        const auto found = arriving_.find(which);
        if (found == arriving_.end() && part.got.continues) {  // a message of a call that did not wait for its end
            of_no_use.push_back(std::move(part));
            return false;
        }
        if (found == arriving_.end() && is_last) {
            events_.push_back(std::move(part));
            return true;
        }
        arriving& message = found != arriving_.end() ? found->second : arriving_[which];
        message.bytes += part.got.payload.size();
        if (!message.is_read) kept_back_ += part.got.payload.size();
        message.parts.push_back(std::move(part));
        if (!is_last && !message.is_read && message.bytes < most_of_one && kept_back_ < most_of_all) return false;
        if (!exchanged(message.is_read, true)) kept_back_ -= message.bytes;
        for (run_event& each : message.parts) events_.push_back(std::move(each));
        message.parts.clear();
        if (is_last) arriving_.erase(which);
        return true;
    }

    std::vector<run_event> take_arriving_of(const peer& whom) {
        std::vector<run_event> all;
        auto each = arriving_.lower_bound({whom.number, 0});
        while (each != arriving_.end() && each->first.first == whom.number) {
            if (!each->second.is_read) kept_back_ -= each->second.bytes;
            for (run_event& part : each->second.parts) all.push_back(std::move(part));
            each = arriving_.erase(each);
        }
        return all;
    }

    static void forget(const std::vector<run_event>& parts) noexcept {
        for (const run_event& each : parts) each.from->wire->has_used(each.got.payload.size());
    }

    bell bell_;
    std::atomic<bool> sleeps_ = false;
    mutable mutex mutex_;
    std::deque<run_event> events_;
    std::map<message_of, arriving> arriving_;
    std::size_t kept_back_ = 0;  // bytes
    std::size_t seen_ = 0;
};

/// The bytes of one message, while it is still arriving.
class arriving_message final : public byte_source {
public:
    /// Why reading broke off, if it was not the reader's doing.
    enum class end { none, abandoned, worker_lost };

    /// `reader` is the call that wants it: when that is to end, nobody waits for the rest.
    arriving_message(const job& reader, run_inbox& from, std::shared_ptr<peer> of, frame first, std::size_t skip)
        : reader_(reader), from_(from), peer_(std::move(of)), now_(std::move(first)) {
        next_ = reinterpret_cast<const std::byte*>(now_.payload.data()) + skip;
        end_ = reinterpret_cast<const std::byte*>(now_.payload.data()) + now_.payload.size();
    }
    ~arriving_message() { release(); }

    end broken() const noexcept { return broken_; }

    /// Passes over what is left. False if it will never come.
    bool skip_rest() {
        while (!now_.last)
            if (!next_frame()) return false;
        return broken_ == end::none;
    }

    std::size_t left() const noexcept override {
        return now_.last ? static_cast<std::size_t>(end_ - next_) : static_cast<std::size_t>(-1);
    }
    /// The sender has the key, so he is one of us; but of memory that nobody fills there is an end.
    std::size_t believable() const noexcept override { return static_cast<std::size_t>(end_ - next_) + (64 << 20); }

private:
    void underflow(std::byte* to, std::size_t size) override {
        for (;;) {
            const std::size_t part = take_here(to, size);
            to += part;
            size -= part;
            if (size == 0) return;
            if (now_.last) throw_too_short(size, 0);
            if (!next_frame())
                throw decode_error(broken_ == end::worker_lost ? "fanout: the worker was lost in the middle of a result"
                                                               : "fanout: the call ended in the middle of a result");
            if (now_.abandoned) throw decode_error("fanout: the result was taken back");
        }
    }

    bool next_frame() {
        for (;;) {
            bool lost = false;
            std::optional<run_event> next = from_.take_of(*peer_, now_.type, now_.stream, lost);
            if (next) {
                from_.look_at_all_again();
                release();
                now_ = std::move(next->got);
                if (now_.abandoned) broken_ = end::abandoned;
                next_ = reinterpret_cast<const std::byte*>(now_.payload.data());
                end_ = next_ + now_.payload.size();
                return true;
            }
            if (lost) return break_off(end::worker_lost);
            if (reader_.stopping()) return break_off(end::abandoned);
            peer_->wire->set_wanted(true);
            from_.sleep(std::chrono::milliseconds(200));
            peer_->wire->set_wanted(false);
        }
    }

    bool break_off(end why) {
        from_.look_at_all_again();
        broken_ = why;
        next_ = end_ = nullptr;
        now_.last = true;
        return false;
    }

    void release() noexcept {
        if (now_.payload.empty()) return;
        peer_->wire->has_used(now_.payload.size());
        spare_payloads::here().give(exchanged(now_.payload, {}));
    }

    const job& reader_;
    run_inbox& from_;
    std::shared_ptr<peer> peer_;
    frame now_;
    end broken_ = end::none;
};

}  // namespace fanout::detail
