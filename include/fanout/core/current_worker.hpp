// Which worker of which call a task runs on.
#pragma once

#include <optional>
#include <string_view>

namespace fanout {

/// A worker, as seen from a task.
struct worker_info {
    /// From 0 to n_jobs - 1; of one call, no two tasks have the same at the same time. On `tcp` that goes for all
    /// machines, n_jobs is rounded up to whole workers, and those that come by themselves beyond it have higher
    /// numbers.
    int slot = 0;
    int n_jobs = 1;                 ///< how many workers the call was given
    std::string_view backend = {};  ///< "threads"
    int depth = 1;                  ///< 1 in the outermost call, 2 in a call inside of its tasks, and so on
};

namespace detail {

/// What a task has borrowed until its worker is through with the tasks that it has in hand.
struct borrowed {
    const void* lender = nullptr;
    void (*give_back)(borrowed&) noexcept = nullptr;
    borrowed* next = nullptr;
};

/// Lives on the stack of whoever runs tasks as a worker, as long as that takes. Used by its own thread only.
class worker_frame {
public:
    /// `depth`: that of the call, for a helper's thread knows nothing of the calls around it.
    worker_frame(int slot, int n_jobs, const char* backend, int depth) noexcept;
    worker_frame(const worker_frame&) = delete;
    worker_frame& operator=(const worker_frame&) = delete;
    ~worker_frame();

    int slot() const noexcept { return slot_; }
    worker_info info() const noexcept { return {slot_, n_jobs_, backend_, depth_}; }

    /// Of a call that this thread makes now.
    static int depth_of_call() noexcept;

    borrowed* borrowed_from(const void* lender) const noexcept {
        borrowed* each = borrowed_;
        while (each && each->lender != lender) each = each->next;
        return each;
    }
    void borrow(borrowed& what) noexcept {
        what.next = borrowed_;
        borrowed_ = &what;
    }

    /// The lender is going: what this thread has from it is given back now, in whatever call it was borrowed.
    static void return_all_to(const void* lender) noexcept;

private:
    const int slot_;
    const int n_jobs_;
    const char* const backend_;
    const int depth_;
    worker_frame* const outer_;
    borrowed* borrowed_ = nullptr;
};

inline constinit thread_local worker_frame* innermost_worker = nullptr;

inline worker_frame::worker_frame(int slot, int n_jobs, const char* backend, int depth) noexcept
    : slot_(slot), n_jobs_(n_jobs), backend_(backend), depth_(depth), outer_(innermost_worker) {
    innermost_worker = this;
}

inline int worker_frame::depth_of_call() noexcept { return innermost_worker ? innermost_worker->depth_ + 1 : 1; }

inline worker_frame::~worker_frame() {
    innermost_worker = outer_;
    while (borrowed_) {
        borrowed& first = *borrowed_;
        borrowed_ = first.next;
        first.give_back(first);
    }
}

inline void worker_frame::return_all_to(const void* lender) noexcept {
    for (worker_frame* frame = innermost_worker; frame; frame = frame->outer_) {
        for (borrowed** link = &frame->borrowed_; *link;) {
            borrowed& each = **link;
            if (each.lender != lender) {
                link = &each.next;
                continue;
            }
            *link = each.next;
            each.give_back(each);
        }
    }
}

}  // namespace detail

/// The worker that runs the calling task; empty outside of tasks, and in threads that a task has started itself. In a
/// worker process its `initializer` is asked the same. Some nanoseconds.
///
///     const int gpu = fanout::current_worker()->slot % gpus;
template <class Info = worker_info>
std::optional<Info> current_worker() noexcept {
    if (!detail::innermost_worker) return std::nullopt;
    return detail::innermost_worker->info();
}

}  // namespace fanout
