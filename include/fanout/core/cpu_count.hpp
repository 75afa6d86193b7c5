// How many CPUs this process may use, how that was found, and joblib's meaning of n_jobs.
#pragma once

#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/cgroup.hpp"
#include "fanout/core/concat.hpp"
#include "fanout/core/platform.hpp"

// Written with few templates: whoever includes fanout pays for each of them.

namespace fanout {
namespace detail {

/// As a number of CPUs: no limit.
inline constexpr int unlimited = INT_MAX;

constexpr int least(int a, int b) { return a < b ? a : b; }

/// From "quota [period]" in microseconds, rounded up. "max" and -1 are no whole numbers: unlimited, as is garbage.
constexpr int quota_in_cpus(std::string_view line) {
    const int quota = whole_number(cut(line, ' '));
    const int period = line.empty() ? 100'000 : whole_number(line);
    if (quota <= 0 || period <= 0) return unlimited;
    return quota / period + (quota % period != 0);
}

/// The tightest of all levels, since no group gets more than its ancestors. `root` goes before every path; "" but in
/// tests.
inline std::optional<int> cgroup_cpu_quota(std::string_view root) {
    int quota = unlimited;
    for_each_own_cgroup(root, "cpu", [&](const std::string& group) {
        std::string line = read_file(group, "cpu.max");  // version 2
        if (line.empty()) line = read_file(group, "cpu.cfs_quota_us");
        if (whole_number(line) > 0) line = concat({line, " ", read_file(group, "cpu.cfs_period_us")});
        quota = least(quota, quota_in_cpus(line));
        return true;
    });
    return quota == unlimited ? std::optional<int>() : quota;
}

/// Calls `note` with each CPU that this thread may run on, in ascending order; not at all when that is unknown. A mask
/// holds `sets` times 1024 CPUs, and the kernel refuses one that is too short.
template <class Note>
void for_each_cpu_allowed([[maybe_unused]] Note note, [[maybe_unused]] std::size_t sets = 1) {
#if FANOUT_ON_LINUX
    const std::size_t bytes = sets * sizeof(cpu_set_t);
    cpu_set_t* const mask = CPU_ALLOC(bytes * 8);
    const bool told = mask && sched_getaffinity(0, bytes, mask) == 0;
    for (std::size_t cpu = 0; told && cpu < bytes * 8; ++cpu)
        if (CPU_ISSET_S(cpu, bytes, mask)) note(cpu);
    CPU_FREE(mask);
    if (!told && sets < 1024) for_each_cpu_allowed(note, sets * 2);
#endif
}

inline std::optional<int> max_cpus_from_env() {
    const char* const text = std::getenv("FANOUT_MAX_CPUS");
    if (!text || !*text) return std::nullopt;
    if (const int most = whole_number(text); most > 0) return most;
    throw std::invalid_argument(concat({"fanout: FANOUT_MAX_CPUS=", text, ": expected a whole number of at least 1"}));
}

/// Siblings share one ascending list such as "0,64" or "0-1": its first number names the core. -1 when unknown.
inline int core_of(std::size_t cpu, std::string_view root) {
    const std::string topology = concat({root, "/sys/devices/system/cpu/cpu", std::to_string(cpu), "/topology/"});
    std::string siblings = read_file(topology, "core_cpus_list");
    if (siblings.empty()) siblings = read_file(topology, "thread_siblings_list");
    return whole_number(std::string_view(siblings).substr(0, siblings.find_first_of(",-")));
}

/// `Cpus`: a vector of their numbers.
template <class Cpus>
std::optional<int> distinct_cores(const Cpus& cpus, std::string_view root) {
    Cpus first_cpu_seen;  // of each core; the numbers ascend, so a core's first CPU comes first
    for (const std::size_t cpu : cpus) {
        const int core = core_of(cpu, root);
        if (core < 0 || static_cast<std::size_t>(core) > cpu) return std::nullopt;
        bool seen = false;
        for (const std::size_t each : first_cpu_seen) seen = seen || each == static_cast<std::size_t>(core);
        if (!seen) first_cpu_seen.push_back(static_cast<std::size_t>(core));
    }
    if (first_cpu_seen.empty()) return std::nullopt;
    return static_cast<int>(first_cpu_seen.size());
}

inline constinit std::atomic<int> kept_cpu_count = 0;

/// From now on `cpu_count` is this. For a worker process, whose share of the CPUs it is.
inline void limit_cpus(int count) { kept_cpu_count.store(count, std::memory_order_relaxed); }

}  // namespace detail

/// Each bound on the number of CPUs by itself.
struct cpu_limits {
    int hardware;              // CPUs online
    int affinity;              // CPUs the calling thread may run on; `hardware` when unknown
    std::optional<int> quota;  // CPUs' worth of time the cgroups grant, rounded up
    std::optional<int> env;    // FANOUT_MAX_CPUS

    constexpr int count() const {
        const int granted = detail::least(quota ? *quota : detail::unlimited, env ? *env : detail::unlimited);
        return detail::least(granted, detail::least(hardware, affinity));
    }
};

/// Asks the system now, which takes some dozen small files: around 0.1 ms. Affinity is the calling thread's.
/// Throws std::invalid_argument when FANOUT_MAX_CPUS is set to anything but a whole number of at least 1.
inline cpu_limits read_cpu_limits() {
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    const int hardware = online > 0 ? static_cast<int>(online) : 1;
    int allowed = 0;
    detail::for_each_cpu_allowed([&](std::size_t) { ++allowed; });
    return {hardware, allowed > 0 ? allowed : hardware, detail::cgroup_cpu_quota(""), detail::max_cpus_from_env()};
}

/// CPUs this process may use, at least 1: the lowest of `cpu_limits`. Read at the first call and kept, also over fork:
/// later changes go unseen, and a first call from a pinned thread keeps that thread's affinity for all. Afterwards
/// ~1 ns; any thread may call it. Throws as read_cpu_limits() does, and then keeps nothing.
inline int cpu_count() {
    int count = detail::kept_cpu_count.load(std::memory_order_relaxed);
    if (count == 0) detail::kept_cpu_count.store(count = read_cpu_limits().count(), std::memory_order_relaxed);
    return count;
}

/// Distinct cores among the CPUs the calling thread may run on, at most cpu_count() and that when the system does not
/// tell. Not kept: reads a small file per CPU. For work that gains nothing from a second thread on a core.
template <class Cpus = std::vector<std::size_t>>
int physical_cores() {
    Cpus allowed;
    detail::for_each_cpu_allowed([&](std::size_t cpu) { allowed.push_back(cpu); });
    const std::optional<int> cores = detail::distinct_cores(allowed, "");
    return cores ? detail::least(*cores, cpu_count()) : cpu_count();
}

/// joblib's rule: a positive count stands as it is (without asking the system), -1 is all CPUs, -2 all but one, and so
/// on down to 1. Throws std::invalid_argument for 0, and as cpu_count() does.
inline int effective_n_jobs(int n_jobs) {
    if (n_jobs > 0) return n_jobs;
    if (n_jobs == 0) {
        throw std::invalid_argument(
            "fanout: n_jobs = 0 has no meaning; give 1 or more, or -1 for all CPUs, -2 for all but one");
    }
    const int left = n_jobs + 1 + cpu_count();  // in this order it cannot overflow
    return left > 1 ? left : 1;
}

}  // namespace fanout
