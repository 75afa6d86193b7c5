// How many threads a call and all the calls inside of its tasks may keep busy between them: as many as the outermost
// call was given.
#pragma once

#include <atomic>

namespace fanout::detail {

/// One for the outermost call, on its caller's stack; who works for it, at whatever depth, finds it in `budget_here`.
/// Relaxed suffices throughout: only the number is shared.
class thread_budget {
public:
    /// The calling thread is one of them.
    explicit thread_budget(int threads) noexcept : spare_(threads - 1) {}

    /// That of a worker process, for whatever it does.
    struct of_a_process {};
    thread_budget(int threads, of_a_process) noexcept : of_process(true), spare_(threads - 1) {}

    thread_budget(const thread_budget&) = delete;
    thread_budget& operator=(const thread_budget&) = delete;

    /// For one thread more, which gives it back when it leaves. False: as many as may be are busy.
    bool take() noexcept {
        int spare = spare_.load(std::memory_order_relaxed);
        while (spare > 0)
            if (spare_.compare_exchange_weak(spare, spare - 1, std::memory_order_relaxed)) return true;
        return false;
    }
    void give_back() noexcept { spare_.fetch_add(1, std::memory_order_relaxed); }

    /// What the calling thread could have right now, itself included.
    int left() const noexcept { return 1 + spare_.load(std::memory_order_relaxed); }

    const bool of_process = false;

    /// Those who help all calls of this budget, so that nobody keeps threads besides: a team, as `threads` knows. Set
    /// before anybody else can see the budget.
    void* helpers = nullptr;

private:
    std::atomic<int> spare_;
};

/// That of the call whose task this thread runs; null outside.
inline constinit thread_local thread_budget* budget_here = nullptr;

/// While it lives, calls that this thread makes are inside of the one that it stands for. It gives that call's budget,
/// unless there is one already, from a call still further out.
class call_scope {
public:
    explicit call_scope(int threads) noexcept : own_(threads), is_outermost_(!budget_here) {
        if (is_outermost_) budget_here = &own_;
    }
    call_scope(const call_scope&) = delete;
    call_scope& operator=(const call_scope&) = delete;
    ~call_scope() {
        if (is_outermost_) budget_here = nullptr;
    }

private:
    thread_budget own_;
    const bool is_outermost_;
};

/// The call whose task this thread runs, as those know it who help it; null outside, and where nobody may help.
inline constinit thread_local void* call_here = nullptr;

}  // namespace fanout::detail
