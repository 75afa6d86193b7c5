// Who starts workers. They place, start and restart; tasks never pass through them.
#pragma once

#include <memory>
#include <string>
#include <utility>

namespace fanout {

namespace detail {

/// What a worker is started with.
struct worker_order {
    std::string addresses;  // of the coordinator, "host:port,host:port"
    std::string key;        // 64 hexadecimal digits; empty: plain TCP. Never on a command line
    int workers = 1;
    int slots = 1;  // of each
};

/// Workers that have been asked for. Its destructor waits for those that it can wait for; they have been told to end.
class launched_workers {
public:
    launched_workers() = default;
    launched_workers(const launched_workers&) = delete;
    launched_workers& operator=(const launched_workers&) = delete;
    virtual ~launched_workers() = default;

    /// From time to time, by any one thread: replaces those that have ended. Empty; or why there will be none any more.
    virtual std::string keep_up() = 0;

    /// Workers have done something: those that end from now on are not the same trouble as those before.
    virtual void note_success() {}

    /// What is known if no worker comes: the last words of those that were started, and the command to try by hand.
    virtual std::string last_words() const = 0;
};

class launcher_base {
public:
    launcher_base() = default;
    launcher_base(const launcher_base&) = delete;
    launcher_base& operator=(const launcher_base&) = delete;
    virtual ~launcher_base() = default;

    virtual std::unique_ptr<launched_workers> launch(const worker_order& order) const = 0;

    /// The workers are on this machine, so that nobody else needs to reach the coordinator.
    virtual bool is_local() const noexcept { return false; }
};

}  // namespace detail

/// Any launcher. Copies share it.
class launcher {
public:
    template <class L>
        requires requires(const L& l) { l.make_launcher(); }
    launcher(const L& how) : base_(how.make_launcher()) {}

    const detail::launcher_base& operator*() const noexcept { return *base_; }
    const detail::launcher_base* operator->() const noexcept { return base_.get(); }

private:
    std::shared_ptr<const detail::launcher_base> base_;
};

}  // namespace fanout
