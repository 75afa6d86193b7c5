// Who starts workers. They place, start and restart; tasks never pass through them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fanout {

namespace detail {

inline constexpr int most_slots = 65533;  // of a worker: as many processes as it can tell apart

/// What a worker is started with.
struct worker_order {
    std::string addresses;  // of the coordinator, "host:port,host:port"
    std::string key;        // 64 hexadecimal digits; empty: plain TCP. Never on a command line
    std::string job = {};   // a number of its own, so that whoever has its port afterwards is not taken for it
    int workers = 1;
    int slots = 1;                // of each
    bool slots_are_given = true;  // else a launcher may share `workers` * `slots` out as it likes
};

/// What every worker is told on its command line, whoever starts it and however it comes to its key.
inline std::vector<std::string> worker_words(const worker_order& order, int slots) {
    std::vector<std::string> words = {"--fanout-worker", order.addresses, "--slots", std::to_string(slots)};
    if (!order.job.empty()) words.insert(words.end(), {"--job", order.job});
    return words;
}

/// What a worker that did not find its coordinator has said, with what can be done; or nothing.
inline std::string hint_at_address(const std::string& said) {
    return said.find("there is no coordinator at") == said.npos
               ? std::string()
               : std::string(
                     "; if the machines cannot reach this one there, give tcp as .listen an address, host:0, "
                     "of the network that they share");
}

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

    /// It starts as many workers as the call needs, and no others ever come.
    virtual bool starts_all() const noexcept { return false; }

    /// How many CPUs the workers may have in all, for n_jobs = -1. Empty: nobody but this machine knows. Throws
    /// `std::invalid_argument` if n_jobs has to be said.
    virtual std::optional<int> cpus() const { return std::nullopt; }

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
