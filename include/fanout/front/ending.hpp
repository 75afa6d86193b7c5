// Why a call ends before all its tasks are done, said once and for good.
#pragma once

#include <cstddef>
#include <exception>
#include <utility>

#include "fanout/core/lock.hpp"

namespace fanout::detail {

/// The first reason counts: a failure that came after a stop was asked for may only be its consequence. Among failures
/// that of the lowest index is kept, whichever came first.
class ending {
public:
    /// Task `index` failed, or the input broke when it was to be read. `ends`: with that the call is over; if not, the
    /// tasks before it go on, and may still be stopped.
    void fail(std::size_t index, std::exception_ptr exception, bool ends) noexcept {
        const lock_guard lock(mutex_);
        if (settled_ || cancelled_) return;
        ended_ = ended_ || ends;
        if (failed_ <= index) return;
        failed_ = index;
        swap(exception_, exception);  // what was there dies without the lock: its destructor is the user's
    }

    /// It is no task's failure: no task that fails later comes before it.
    void fail_as_a_whole(std::exception_ptr exception) noexcept {
        const lock_guard lock(mutex_);
        if (cancelled_ || ended_) return;
        failed_ = 0;
        ended_ = as_a_whole_ = true;
        swap(exception_, exception);
    }

    void cancel() noexcept {
        const lock_guard lock(mutex_);
        cancelled_ = cancelled_ || !(ended_ || settled_);
    }

    /// The call's time is up.
    void pass_deadline() noexcept {
        const lock_guard lock(mutex_);
        if (ended_ || settled_ || cancelled_) return;
        cancelled_ = too_late_ = true;
    }

    /// What the call was to find out is known: only a failure as a whole counts, of those before and of those to come.
    void settle() noexcept {
        std::exception_ptr dropped;
        const lock_guard lock(mutex_);
        settled_ = true;
        if (as_a_whole_) return;
        failed_ = nobody;
        ended_ = false;
        swap(exception_, dropped);
    }

    bool was_too_late() const noexcept {
        const lock_guard lock(mutex_);
        return too_late_;
    }

    bool was_cancelled() const noexcept {
        const lock_guard lock(mutex_);
        return cancelled_;
    }

    void rethrow_failure() const {
        const lock_guard lock(mutex_);
        if (failed_ != nobody && !cancelled_) std::rethrow_exception(exception_);
    }

private:
    static constexpr std::size_t nobody = static_cast<std::size_t>(-1);

    mutable mutex mutex_;
    std::size_t failed_ = nobody;
    bool ended_ = false;  // by that
    std::exception_ptr exception_;
    bool as_a_whole_ = false;
    bool settled_ = false;
    bool cancelled_ = false;
    bool too_late_ = false;
};

}  // namespace fanout::detail
