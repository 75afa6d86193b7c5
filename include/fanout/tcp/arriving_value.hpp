// A shared value on its way to a worker, which reads it while it is still arriving.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "fanout/core/bytes.hpp"
#include "fanout/core/exchanged.hpp"
#include "fanout/core/lock.hpp"
#include "fanout/serialize/decode_error.hpp"
#include "fanout/tcp/connection.hpp"
#include "fanout/tcp/messages.hpp"
#include "fanout/tcp/spare_payloads.hpp"

namespace fanout::detail {

/// One thread puts in the parts of the message, another reads them. The connection hears no more than it may while
/// they have not been read, so that of a value of many gigabytes little is kept as bytes.
class arriving_value final : public byte_source {
public:
    arriving_value(std::uint64_t number, std::shared_ptr<connection> wire) : number_(number), wire_(std::move(wire)) {}

    // --- by the thread that receives -------------------------------------------------------------------------------

    void put(std::string part, bool is_last) {
        const std::size_t size = part.size();
        {
            const lock_guard lock(mutex_);
            ended_ = ended_ || is_last;
            if (is_wanted_) parts_.push_back(std::move(part));
            if (is_wanted_) return news_.notify_one();
        }
        has_used(size);
    }

    /// The rest will not come, and what has come is of no use.
    void break_off() noexcept {
        {
            const lock_guard lock(mutex_);
            ended_ = true;
            parts_.clear();
        }
        news_.notify_one();
    }

    // --- by the thread that reads ----------------------------------------------------------------------------------

    std::uint64_t number() const noexcept { return number_; }

    /// What stands in front of the value. To be read first.
    shared_message read_head() {
        if (!take_next()) throw_too_short(sizeof(std::uint32_t), 0);
        std::size_t at = 0;
        shared_message head = unpacked_before_bytes(now_, at);
        next_ += at;
        behind_ = static_cast<std::size_t>(head.size);
        count_window();
        return head;
    }

    /// Nobody reads what is left of it.
    void forget_rest() noexcept {
        {
            const lock_guard lock(mutex_);
            is_wanted_ = false;
        }
        next_ = end_ = nullptr;
        do has_used(exchanged(now_, {}).size());
        while (take_waiting());
    }

    std::size_t left() const noexcept override { return behind_ + static_cast<std::size_t>(end_ - next_); }

    /// Who sends it is whom this worker works for.
    std::size_t believable() const noexcept override { return left(); }

private:
    void underflow(std::byte* to, std::size_t size) override {
        std::size_t missing = size;
        for (;;) {
            const std::size_t part = take_here(to, missing);
            to += part;
            missing -= part;
            if (missing == 0) return;
            if (!take_next()) throw_too_short(size, size - missing);
            count_window();
        }
    }

    /// Waits for it. False: there is no next part.
    bool take_next() {
        has_used(now_.size());
        spare_payloads::here().give(exchanged(now_, {}));
        next_ = end_ = nullptr;
        {
            unique_lock lock(mutex_);
            news_.wait(lock, [this] { return ended_ || !parts_.empty(); });
        }
        if (!take_waiting()) return false;
        next_ = reinterpret_cast<const std::byte*>(now_.data());
        end_ = next_ + now_.size();
        return true;
    }

    bool take_waiting() noexcept {
        const lock_guard lock(mutex_);
        if (parts_.empty()) return false;
        now_ = std::move(parts_.front());
        parts_.pop_front();
        return true;
    }

    void count_window() noexcept { behind_ -= std::min(behind_, static_cast<std::size_t>(end_ - next_)); }

    void has_used(std::size_t bytes) const noexcept {
        if (bytes > 0) wire_->has_used(bytes);
    }

    const std::uint64_t number_;
    const std::shared_ptr<connection> wire_;
    std::string now_;
    std::size_t behind_ = 0;  // bytes of the value that come after `now_`

    mutex mutex_;
    condition_variable news_;
    std::deque<std::string> parts_;
    bool ended_ = false;
    bool is_wanted_ = true;
};

}  // namespace fanout::detail
