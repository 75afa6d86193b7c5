// What workers send while a call runs, on its way from the thread that receives it to the one that called.
#pragma once

#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "fanout/core/bytes.hpp"
#include "fanout/core/clock.hpp"
#include "fanout/core/lock.hpp"
#include "fanout/processes/system.hpp"
#include "fanout/serialize/decode_error.hpp"
#include "fanout/tcp/connection.hpp"
#include "fanout/tcp/frames.hpp"

namespace fanout::detail {

/// A worker that has said who it is.
struct peer {
    std::uint64_t number = 0;
    std::shared_ptr<connection> wire;
    std::string host;
    long pid = 0;
    int slots = 1;
    int first_slot = 0;                      // of all slots of all workers
    std::deque<std::uint64_t> has_shared{};  // values that it has been sent; for the thread that runs a call
};

struct run_event {
    enum class what { joined, lost, frame };

    what kind = what::joined;
    std::shared_ptr<peer> from;
    frame got;
    std::string why;  // it was lost
};

/// Filled by one thread, emptied by another, which is woken by the bell.
class run_inbox {
public:
    void put(run_event event) {
        {
            const lock_guard lock(mutex_);
            events_.push_back(std::move(event));
        }
        if (sleeps_.exchange(false, std::memory_order_seq_cst)) bell_.ring();
    }

    std::optional<run_event> take() {
        const lock_guard lock(mutex_);
        if (events_.empty()) return std::nullopt;
        run_event first = std::move(events_.front());
        events_.pop_front();
        return first;
    }

    /// The next frame of this stream from this worker, in front of everything else that has come; or that the worker
    /// is lost, which is not taken.
    std::optional<run_event> take_of(const peer& from, std::uint64_t stream, bool& lost) {
        const lock_guard lock(mutex_);
        for (auto each = events_.begin(); each != events_.end(); ++each) {
            if (each->from.get() != &from) continue;
            if (each->kind == run_event::what::lost) lost = true;
            if (each->kind != run_event::what::frame || each->got.stream != stream) continue;
            run_event found = std::move(*each);
            events_.erase(each);
            return found;
        }
        return std::nullopt;
    }

    /// Until something is put, or the bell rings, or the time is up.
    void sleep(clock::duration longest) {
        sleeps_.store(true, std::memory_order_seq_cst);
        bool any = false;
        {
            const lock_guard lock(mutex_);
            any = events_.size() > seen_;
        }
        if (!any) {
            pollfd ring{bell_.number(), POLLIN, 0};
            const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(longest).count();
            poll(&ring, 1, milliseconds > 0 ? static_cast<int>(milliseconds) : 0);
        }
        sleeps_.store(false, std::memory_order_relaxed);
        bell_.silence();
    }

    /// The events that are here are of no use to who sleeps next: only news wake him.
    void ignore_what_is_here() {
        const lock_guard lock(mutex_);
        seen_ = events_.size();
    }
    void look_at_all_again() {
        const lock_guard lock(mutex_);
        seen_ = 0;
    }

    const bell& ringing() const noexcept { return bell_; }

private:
    bell bell_;
    std::atomic<bool> sleeps_ = false;
    mutex mutex_;
    std::deque<run_event> events_;
    std::size_t seen_ = 0;
};

/// The bytes of one message, while it is still arriving.
class arriving_message final : public byte_source {
public:
    /// Why reading broke off, if it was not the reader's doing.
    enum class end { none, abandoned, worker_lost };

    arriving_message(run_inbox& from, std::shared_ptr<peer> of, frame first, std::size_t skip)
        : from_(from), peer_(std::move(of)), now_(std::move(first)) {
        next_ = reinterpret_cast<const std::byte*>(now_.payload.data()) + skip;
        end_ = reinterpret_cast<const std::byte*>(now_.payload.data()) + now_.payload.size();
    }
    ~arriving_message() { release(); }

    end broken() const noexcept { return broken_; }

    /// Passes over what is left. False if it will never come.
    bool skip_rest() {
        while (!now_.last)
            if (!next_frame()) return false;
        return !now_.abandoned;
    }

    std::size_t left() const noexcept override {
        return now_.last ? static_cast<std::size_t>(end_ - next_) : static_cast<std::size_t>(-1);
    }
    std::size_t believable() const noexcept override { return static_cast<std::size_t>(end_ - next_) + (1 << 20); }

private:
    void underflow(std::byte* to, std::size_t size) override {
        for (;;) {
            const auto here = static_cast<std::size_t>(end_ - next_);
            const std::size_t part = size < here ? size : here;
            if (part > 0) std::memcpy(to, next_, part);
            next_ += part;
            to += part;
            size -= part;
            if (size == 0) return;
            if (now_.last) throw_too_short(size, 0);
            if (!next_frame()) throw decode_error("fanout: the worker was lost in the middle of a result");
            if (now_.abandoned) throw decode_error("fanout: the result was taken back");
        }
    }

    bool next_frame() {
        for (;;) {
            bool lost = false;
            std::optional<run_event> next = from_.take_of(*peer_, now_.stream, lost);
            if (next) {
                from_.look_at_all_again();
                release();
                now_ = std::move(next->got);
                if (now_.abandoned) broken_ = end::abandoned;
                next_ = reinterpret_cast<const std::byte*>(now_.payload.data());
                end_ = next_ + now_.payload.size();
                return true;
            }
            if (lost) {
                from_.look_at_all_again();
                broken_ = end::worker_lost;
                next_ = end_ = nullptr;
                now_.last = true;
                return false;
            }
            from_.ignore_what_is_here();
            from_.sleep(std::chrono::milliseconds(200));
        }
    }

    void release() noexcept {
        if (!now_.payload.empty()) peer_->wire->has_used(now_.payload.size());
        now_.payload.clear();
    }

    run_inbox& from_;
    std::shared_ptr<peer> peer_;
    frame now_;
    end broken_ = end::none;
};

}  // namespace fanout::detail
