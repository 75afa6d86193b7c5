// What a call was like, in numbers, when it is over.
#pragma once

#include <cstddef>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "fanout/core/clock.hpp"
#include "fanout/core/light_standard.hpp"
#include "fanout/core/lock.hpp"
#include "fanout/core/recorder.hpp"

namespace fanout {

/// One finished call of a `parallel` object with `options::summarize`. Times in seconds.
///
/// A template, though there is one `Clock`: who does not ask for a summary does not compile its vectors.
template <class Clock>
struct basic_run_summary {
    struct worker {
        std::size_t tasks = 0;
        std::chrono::duration<double> busy{};  ///< in tasks, and in writing their results
        std::string host = {};                 ///< its machine, if that may be another one
    };
    struct slow_task {
        std::size_t index = 0;  ///< its position in the input
        int worker = 0;
        std::chrono::duration<double> took{};
    };

    std::string backend = {};
    std::size_t tasks = 0;  ///< that are finished
    std::size_t failed = 0;
    std::size_t retried = 0;  ///< how often a task was begun again because its worker had died
    std::chrono::duration<double> wall{};
    std::vector<worker> workers = {};     ///< n_jobs of them; on machines more, if some were replaced
    std::vector<slow_task> slowest = {};  ///< five at most, the slowest first
    std::size_t bytes_received = 0;       ///< from workers in other processes
    std::size_t bytes_sent = 0;           ///< to them; what they inherited when they were forked does not count

    /// From 0 to 1: all of the workers' time, or none of it, was spent in tasks.
    double busy_share() const {
        double busy = 0;
        for (const worker& each : workers) busy += each.busy.count();
        return share_of_wall(busy / static_cast<double>(workers.empty() ? 1 : workers.size()));
    }

    /// All of it, in a few lines.
    std::string text() const {
        char line[200];
        std::string whole;
        const auto say = [&](const char* format, auto... values) {
            std::snprintf(line, sizeof line, format, values...);
            whole += line;
        };
        say("%zu tasks in %.3f s on %s, n_jobs = %zu: workers were busy for %.0f %% of the time\n", tasks, wall.count(),
            backend.c_str(), workers.size(), 100 * busy_share());
        if (failed + retried > 0) say("%zu failed, %zu were begun again\n", failed, retried);
        for (std::size_t i = 0; i < workers.size(); ++i)
            say("worker %zu%s%.100s: %zu tasks, busy for %.0f %%\n", i, workers[i].host.empty() ? "" : " on ",
                workers[i].host.c_str(), workers[i].tasks, 100 * share_of_wall(workers[i].busy.count()));
        for (const slow_task& each : slowest)
            say("task %zu took %s (worker %d)\n", each.index, detail::in_seconds(each.took).c_str(), each.worker);
        if (bytes_received + bytes_sent > 0)
            say("%.3f MB came from the workers, %.3f MB went to them\n", static_cast<double>(bytes_received) / 1e6,
                static_cast<double>(bytes_sent) / 1e6);
        return whole;
    }

private:
    double share_of_wall(double busy) const {
        const double share = wall.count() > 0 ? busy / wall.count() : 0;
        return share < 1 ? share : 1;
    }
};

using run_summary = basic_run_summary<detail::clock>;

namespace detail {

/// The summary of the call that has finished last. Any thread.
template <class Clock>
class last_summary final : public counts_owners {
    using summary = basic_run_summary<Clock>;

public:
    void keep(summary latest) {
        const lock_guard lock(mutex_);
        summary_ = std::move(latest);
    }

    summary get() const {
        const lock_guard lock(mutex_);
        if (!summary_)
            throw std::logic_error("fanout: summary() before the first call has finished; there is nothing yet");
        return *summary_;
    }

private:
    mutable mutex mutex_;
    std::optional<summary> summary_;
};

/// As nothing in particular, for who may never ask.
template <class Clock>
co_owned<counts_owners> make_last_summary() {
    return co_owned<counts_owners>(new last_summary<Clock>());
}
template <class Clock>
basic_run_summary<Clock> get_last_summary(counts_owners* of) {
    return static_cast<last_summary<Clock>*>(of)->get();
}

}  // namespace detail

}  // namespace fanout
