// Why a call ends before all its tasks are done, said once and for good.
#pragma once

#include <cstddef>
#include <exception>
#include <optional>
#include <utility>

#include "fanout/core/lock.hpp"

namespace fanout::detail {

/// The first reason counts: a failure that came after a stop was asked for may only be its consequence. Among failures
/// that of the lowest index is kept, whichever came first.
class ending {
public:
    /// Task `index` failed, or the input broke when it was to be read.
    void fail(std::size_t index, std::exception_ptr exception) noexcept {
        const lock_guard lock(mutex_);
        if (cancelled_ || (failed_ && *failed_ <= index)) return;
        failed_ = index;
        exception_.swap(exception);  // what was there dies without the lock: its destructor is the user's
    }

    /// It is no task's failure: no task that fails later comes before it.
    void fail_as_a_whole(std::exception_ptr exception) noexcept {
        const lock_guard lock(mutex_);
        if (cancelled_ || failed_) return;
        failed_ = 0;
        exception_.swap(exception);
    }

    void cancel() noexcept {
        const lock_guard lock(mutex_);
        cancelled_ = cancelled_ || !failed_;
    }

    /// The call's time is up.
    void pass_deadline() noexcept {
        const lock_guard lock(mutex_);
        if (failed_ || cancelled_) return;
        cancelled_ = too_late_ = true;
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
        if (failed_ && !cancelled_) std::rethrow_exception(exception_);
    }

private:
    mutable mutex mutex_;
    std::optional<std::size_t> failed_;
    std::exception_ptr exception_;
    bool cancelled_ = false;
    bool too_late_ = false;
};

}  // namespace fanout::detail
