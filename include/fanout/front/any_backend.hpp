// A backend whose type is decided while the program runs: a value that holds any other.
#pragma once

#include <type_traits>
#include <utility>

#include "fanout/core/backend.hpp"
#include "fanout/core/co_owned.hpp"
#include "fanout/front/portable_call.hpp"
#include "fanout/threads/threads.hpp"

namespace fanout {

namespace detail {

/// What runs jobs, without its type: a backend, or the workers that one keeps.
class erased_runner : public counts_owners {
public:
    virtual void run(job& work, int n_jobs) const = 0;
};

class erased_backend : public erased_runner {
public:
    struct traits {
        bool leaves_the_process = false;
        bool claims_as_it_goes = false;
        bool runs_in_caller = false;
    };

    erased_backend(const char* called, const traits& is) : name(called), its(is) {}

    virtual const erased_runner* keep() const = 0;  // the caller's to delete; null if it keeps nothing

    const char* const name;
    const traits its;
};

template <class Runner>
class erased_workers final : public erased_runner {
public:
    explicit erased_workers(Runner runner) : runner_(std::move(runner)) {}

    void run(job& work, int n_jobs) const override { runner_.run(work, n_jobs); }

private:
    Runner runner_;
};

template <class Backend>
class erased final : public erased_backend {
public:
    explicit erased(Backend backend)
        : erased_backend(backend_name<Backend>(),
                         {detail::leaves_the_process<Backend>, detail::claims_as_it_goes(backend),
                          detail::runs_in_caller(backend)}),
          backend_(std::move(backend)) {}

    void run(job& work, int n_jobs) const override { backend_.run(work, n_jobs); }

    const erased_runner* keep() const override {
        if constexpr (keeps_workers<Backend>)
            return new erased_workers<decltype(backend_.keep())>(backend_.keep());
        else
            return nullptr;
    }

private:
    Backend backend_;
};

/// What a `parallel` object keeps whose backend was chosen at run time.
template <class Clock>
class kept_by_any {
public:
    explicit kept_by_any(co_owned<const erased_backend> backend)
        : backend_(std::move(backend)),
          workers_(backend_ ? backend_->keep() : nullptr),
          team_(threads().keep<Clock>()) {}

    bool leaves_the_process() const noexcept { return backend_ && backend_->its.leaves_the_process; }
    bool claims_as_it_goes() const noexcept { return !backend_ || backend_->its.claims_as_it_goes; }
    bool runs_in_caller() const noexcept { return backend_ && backend_->its.runs_in_caller; }

    template <class Job>
    void run(Job& work, int n_jobs) const {
        if (!backend_) return team_.run(work, n_jobs);
        workers_ ? workers_->run(work, n_jobs) : backend_->run(work, n_jobs);
    }

private:
    co_owned<const erased_backend> backend_;
    co_owned<const erased_runner> workers_;
    own_team<Clock> team_;  // of nobody's choice
};

/// Runners of which only the running program knows whether they leave the process.
template <class Runner>
concept chosen_at_run_time = requires(const Runner& runner) {
    { runner.leaves_the_process() } -> std::same_as<bool>;
};

}  // namespace detail

/// Holds any backend, yours too; made by `backend("processes")`, or from a backend: `any_backend b = processes{}`.
/// Holds `threads{}` if it is made of nothing. Copies share what they hold, and may be used from different threads.
///
/// Results of every type can be asked of it. If it turns out to leave the process, and they cannot, the call throws
/// `std::invalid_argument` with the text that the compiler would have given. Costs one more virtual call a call.
class any_backend {
public:
    any_backend() = default;

    template <class Backend>
        requires(!std::is_same_v<Backend, any_backend>) && runs_jobs<Backend>
    any_backend(Backend backend) : held_(new detail::erased<Backend>(std::move(backend))) {
        if constexpr (detail::leaves_the_process<Backend>) detail::teach_exceptions<Backend>();
    }

    const char* name() const noexcept { return held_ ? held_->name : threads::name; }

    /// Whether tasks run in other processes, so that only bytes come back.
    bool leaves_the_process() const noexcept { return held_ && held_->its.leaves_the_process; }

    // What streams and reductions ask.
    bool claims_as_it_goes() const noexcept { return !held_ || held_->its.claims_as_it_goes; }
    bool runs_in_caller() const noexcept { return held_ && held_->its.runs_in_caller; }

    // Templates, so that only who uses it compiles the threads that it is when it holds nothing.

    template <class Job>
    void run(Job& work, int n_jobs) const {
        if (held_) [[unlikely]]
            return held_->run(work, n_jobs);
        threads().run(work, n_jobs);
    }

    template <class Clock = detail::clock>
    detail::kept_by_any<Clock> keep() const {
        return detail::kept_by_any<Clock>(held_);
    }

private:
    detail::co_owned<const detail::erased_backend> held_;
};

}  // namespace fanout
