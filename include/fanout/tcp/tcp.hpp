// Workers on other machines as a backend; with nothing said, on this machine.
#pragma once

#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "fanout/core/backend.hpp"
#include "fanout/core/clock.hpp"
#include "fanout/core/concat.hpp"
#include "fanout/core/lock.hpp"
#include "fanout/core/portable_tasks.hpp"
#include "fanout/core/remote_tasks.hpp"
#include "fanout/launch/exit_codes.hpp"
#include "fanout/launch/launcher.hpp"
#include "fanout/launch/local.hpp"
#include "fanout/tcp/cluster.hpp"
#include "fanout/tcp/lock_across_forks.hpp"
#include "fanout/tcp/remote_call.hpp"
#include "fanout/tcp/remote_run.hpp"

namespace fanout {

class kept_cluster;

/// Runs tasks in workers: processes that were started from the same executable, here or on other machines. `main` has
/// to begin with `worker_entry`.
///
/// The function, its captures and the elements are sent: they must be serializable, and hold no pointers and
/// references. A worker runs each task in a process of its own making, so that a crash costs one task; what a task
/// changes stays there. A task whose process, or whose whole worker, has died is tried again: tasks are *executed at
/// least once*, and each result is delivered exactly once. With `retries = 0` a task is executed at most once.
///
/// n_jobs counts tasks at once, over all workers. A call starts workers and ends them; a named `parallel` object keeps
/// them. It runs one call at a time, others wait. Talks TLS 1.3 with a key that is made for the run.
struct tcp {
    static constexpr const char* name = "tcp";
    static constexpr bool leaves_the_process = true;
    using remote = detail::remote_forms;

    /// Who starts the workers.
    launcher workers = local{};

    /// How many tasks a worker runs at once. Not set: 1, or what an engine finds right for its machines.
    std::optional<int> slots = {};

    /// How often a task is tried again after its process or its worker has died. Not set: 2.
    std::optional<int> retries = {};

    /// Whether a task that takes much longer than the others (three times, and a second at least) is begun once more
    /// elsewhere when nine tenths are done and somebody has nothing to do. What comes first counts, the other is ended.
    bool speculate = false;

    /// Bytes that a process of a worker may allocate beyond what it begins with. At least 1 MB.
    std::optional<std::size_t> memory_limit = {};

    /// Where the workers find this process: "host:port". Not set: a free port, on this machine only if all workers are
    /// here, else on all its addresses.
    std::string listen = {};

    /// A call begins when so many workers are there; by then within `patience`, or it fails with `pool_broken`. Not
    /// set: with the first, and others join when they come.
    std::optional<int> wait_for_workers = {};

    /// For so long a call goes on without any worker.
    std::chrono::duration<double> patience = std::chrono::seconds(60);

    /// No encryption, and nobody proves who he is. Only on this machine.
    bool plain = false;

    /// Throws `serialization_error` if the function holds pointers, `pool_broken` if no worker comes, or none stays.
    void run(job& work, int n_jobs) const {
        validate();
        refuse_in_worker_by_mistake();
        const std::optional<std::size_t> size = work.size();
        if (size && *size == 0) return;
        // Who waits for workers wants them even if there are fewer tasks.
        const bool is_short = !wait_for_workers && size && *size < static_cast<std::size_t>(n_jobs);
        const int most = is_short ? static_cast<int>(*size) : n_jobs;
        detail::remote_tasks_of(work);
        expect_so_many_workers(n_jobs);
        detail::cluster on(settings(), most);
        run_on(on, work, n_jobs);
    }

    /// What n_jobs = -1 counts: the CPUs of an engine's allocation, if it has one. Else those of this machine.
    std::optional<int> cpus() const { return workers->cpus(); }

    /// What a named `parallel` object holds: workers that are started by its first call.
    kept_cluster keep() const;

private:
    friend class kept_cluster;

    void run_on(detail::cluster& on, job& work, int n_jobs) const {
        detail::run_settings how;
        const int of_each = slots.value_or(1);
        how.n_jobs = (n_jobs / of_each + (n_jobs % of_each != 0)) * of_each;  // what whole workers have
        how.retries = retries.value_or(2);
        how.speculate = speculate;
        how.memory_limit = memory_limit;
        const bool are_there =
            !wait_for_workers || on.wait_for_workers(*wait_for_workers, patience_as<detail::clock::duration>(), &work);
        if (work.stopping()) return;
        if (!are_there)
            throw pool_broken(detail::concat({"fanout: tcp waited for ", std::to_string(*wait_for_workers),
                                              " workers, and there are ", std::to_string(on.worker_count()), " after ",
                                              detail::in_seconds(patience), "; ", on.last_words()}));
        detail::remote_run(work, *work.portable(), detail::remote_tasks_of(work), on, how).run();
    }

    detail::cluster_settings settings() const {
        detail::cluster_settings result;
        result.workers = workers;
        result.listen = listen;
        result.slots = slots.value_or(1);
        result.slots_are_given = slots.has_value();
        result.plain = plain;
        result.patience = patience_as<detail::clock::duration>();
        return result;
    }

    template <class Duration>
    Duration patience_as() const {
        constexpr std::chrono::duration<double> longest(365.0 * 24 * 3600);  // what is longer would overflow
        return std::chrono::duration_cast<Duration>(patience < longest ? patience : longest);
    }

    /// A copy of the program that was started as a worker, and whose `main` has not noticed, or goes on after it.
    static void refuse_in_worker_by_mistake() {
        if (!std::getenv("FANOUT_WORKER")) return;
        std::fputs(
            "fanout: main() never called fanout::worker_entry(), or went on after it: this copy was started as a "
            "worker, and would have run your program once more; main() must begin with: if (auto status = "
            "fanout::worker_entry(argc, argv)) return *status;\n",
            stderr);
        std::fflush(nullptr);
        _exit(detail::exit_codes::rejected);
    }

    /// Waiting for workers that nobody starts would be waiting for nothing.
    void expect_so_many_workers(int n_jobs) const {
        const int started = (n_jobs - 1) / slots.value_or(1) + 1;
        if (!workers->starts_all() || wait_for_workers.value_or(0) <= started) return;
        throw std::invalid_argument(
            detail::concat({"fanout: tcp: wait_for_workers = ", std::to_string(*wait_for_workers),
                            ", but local{} starts ", std::to_string(started), " for n_jobs = ", std::to_string(n_jobs),
                            slots ? detail::concat({" with ", std::to_string(*slots), " slots each"}) : std::string(),
                            "; ask for more n_jobs, or wait for fewer"}));
    }

    void validate() const {
        const auto require = [](bool good, const std::string& what) {
            if (!good) throw std::invalid_argument("fanout: tcp: " + what);
        };
        require(!retries || *retries >= 0, "retries = " + std::to_string(retries.value_or(0)) +
                                               " has no meaning; give 0 to try every task once, or more");
        require(
            !speculate || retries.value_or(2) > 0,
            "speculate begins tasks twice, and retries = 0 says that they may run only once; leave one of them out");
        require(!slots || (*slots >= 1 && *slots <= detail::most_slots),
                "slots = " + std::to_string(slots.value_or(0)) + " has no meaning; give 1 to " +
                    std::to_string(detail::most_slots));
        require(!wait_for_workers || *wait_for_workers >= 1,
                "wait_for_workers = " + std::to_string(wait_for_workers.value_or(0)) +
                    " waits for nobody; give 1 or more, or leave it out to begin with the first worker");
        require(patience.count() >= 0, "patience = " + detail::in_seconds(patience) + " is no time to wait");
        require(!memory_limit || *memory_limit >= (1u << 20),
                "memory_limit = " + std::to_string(memory_limit.value_or(0)) +
                    " bytes is less than a worker needs to do anything; give at least 1 MB (1 << 20)");
    }
};

/// Workers that stay from call to call. Copies share them.
class kept_cluster {
public:
    static constexpr const char* name = tcp::name;
    static constexpr bool leaves_the_process = true;
    using remote = detail::remote_forms;

    explicit kept_cluster(const tcp& how) : state_(std::make_shared<state>(how)) { how.validate(); }

    void run(job& work, int n_jobs) const {
        tcp::refuse_in_worker_by_mistake();
        if (work.size() && *work.size() == 0) return;
        detail::remote_tasks_of(work);
        state_->how.expect_so_many_workers(n_jobs);
        state_->how.run_on(state_->on(n_jobs), work, n_jobs);
    }

private:
    struct state {
        explicit state(const tcp& given) : how(given) {}

        ~state() { forget_those_of_a_parent(); }

        detail::cluster& on(int n_jobs) {
            const detail::lock_guard lock(starting);  // for seconds, if an engine takes so long
            forget_those_of_a_parent();
            if (!workers) workers = std::make_unique<detail::cluster>(how.settings(), n_jobs);
            owner = getpid();
            return *workers;
        }

        /// A forked child has the object, but not the thread that talks to its workers.
        void forget_those_of_a_parent() noexcept {
            if (workers && owner != getpid()) static_cast<void>(workers.release());
        }

        const tcp how;
        detail::lock_across_forks starting;
        std::unique_ptr<detail::cluster> workers;
        pid_t owner = 0;
    };

    std::shared_ptr<state> state_;
};

inline kept_cluster tcp::keep() const { return kept_cluster(*this); }

static_assert(runs_jobs<tcp> && keeps_workers<tcp>);

}  // namespace fanout
