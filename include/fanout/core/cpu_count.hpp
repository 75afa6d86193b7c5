// How many CPUs this process may use, how that was found, and joblib's meaning of n_jobs.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/concat.hpp"

// Written with few templates: whoever includes fanout pays for each of them.

namespace fanout {
namespace detail {

/// As a number of CPUs: no limit.
inline constexpr int unlimited = INT_MAX;

constexpr int least(int a, int b) { return a < b ? a : b; }

/// A number that consists of digits, or -1. Beyond int becomes INT_MAX, which as an upper limit says the same.
constexpr int whole_number(std::string_view digits, int base = 10) {
    int value = digits.empty() ? -1 : 0;
    for (const char digit : digits) {
        if (digit < '0' || digit > '9') return -1;
        value = value > (INT_MAX - 9) / base ? INT_MAX : value * base + (digit - '0');
    }
    return value;
}

/// Without the last newline; empty when unreadable, which for limits means "none known". No stdio, so that a forked
/// worker may use it.
inline std::string read_file(std::string_view folder, std::string_view name) {
    std::string text;
    const int file = open(concat({folder, name}).c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return text;
    char chunk[1024];
    for (;;) {
        const ssize_t got = read(file, chunk, sizeof chunk);
        if (got > 0)
            text.append(chunk, static_cast<std::size_t>(got));
        else if (got == 0 || errno != EINTR)
            break;
    }
    close(file);
    if (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

/// Takes the text before the first `separator` off the front of `rest`, and drops the separator.
constexpr std::string_view cut(std::string_view& rest, char separator) {
    const std::string_view head = rest.substr(0, rest.find(separator));
    rest.remove_prefix(head.size() < rest.size() ? head.size() + 1 : head.size());
    return head;
}

constexpr bool names_cpu(std::string_view list) {
    while (!list.empty())
        if (cut(list, ',').compare("cpu") == 0) return true;
    return false;
}

/// Undoes mountinfo's \ooo for space, tab, newline and backslash.
inline std::string unescape(std::string_view text) {
    std::string plain;
    while (!text.empty()) {
        const int code = text.front() == '\\' ? whole_number(text.substr(1, 3), 8) : -1;
        plain.push_back(code < 0 ? text.front() : static_cast<char>(code));
        text.remove_prefix(code < 0 || text.size() < 4 ? 1 : 4);
    }
    return plain;
}

/// `group` as seen from a mount of `shown`: "/..." or "". The latter also when out of sight, like a namespace's "/..".
constexpr std::string_view path_below(std::string_view shown, std::string_view group) {
    if (shown.compare("/") == 0) shown = "";
    if (!group.starts_with(shown)) return "";
    const std::string_view below = group.substr(shown.size());
    const bool goes_up = below.starts_with("/..") && (below.size() == 3 || below[3] == '/');
    return below.starts_with('/') && !goes_up ? below : "";
}

/// From "quota [period]" in microseconds, rounded up. "max" and -1 are no whole numbers: unlimited, as is garbage.
constexpr int quota_in_cpus(std::string_view line) {
    const int quota = whole_number(cut(line, ' '));
    const int period = line.empty() ? 100'000 : whole_number(line);
    if (quota <= 0 || period <= 0) return unlimited;
    return quota / period + (quota % period != 0);
}

/// The tightest of all levels from `top + below` up to `top`: no group gets more than its ancestors.
inline int quota_of_levels(std::string_view top, std::string_view below) {
    const std::string group = concat({top, below, "/"});
    const std::string v1 = concat({read_file(group, "cpu.cfs_quota_us"), " ", read_file(group, "cpu.cfs_period_us")});
    const int here = least(quota_in_cpus(v1), quota_in_cpus(read_file(group, "cpu.max")));
    return below.empty() ? here : least(here, quota_of_levels(top, below.substr(0, below.rfind('/'))));
}

/// Over the mounts of both versions, since hybrid systems have both. `root` goes before every path; "" but in tests.
inline std::optional<int> cgroup_cpu_quota(std::string_view root) {
    const std::string groups = read_file(root, "/proc/self/cgroup");
    const std::string mounts = read_file(root, "/proc/self/mountinfo");
    std::string_view v1_group, v2_group;
    for (std::string_view rest = groups; !rest.empty();) {  // id:controllers:path, and 0::path for version 2
        std::string_view line = cut(rest, '\n');
        const bool v2 = cut(line, ':').compare("0") == 0;
        if (names_cpu(cut(line, ':')) || v2) (v2 ? v2_group : v1_group) = line;
    }
    int quota = unlimited;
    for (std::string_view rest = mounts; !rest.empty();) {
        // id parent device shown point options [optional...] - type source options
        std::string_view place = cut(rest, '\n');
        const std::size_t separator = place.find(" - ");
        if (separator == place.npos) continue;
        std::string_view kind = place.substr(separator + 3);
        const std::string_view type = cut(kind, ' ');
        cut(kind, ' ');
        const bool v1 = type.compare("cgroup") == 0 && names_cpu(kind);
        if (!v1 && type.compare("cgroup2") != 0) continue;
        for (int skipped = 0; skipped < 3; ++skipped) cut(place, ' ');
        const std::string shown = unescape(cut(place, ' '));
        const std::string point = concat({root, unescape(cut(place, ' '))});
        quota = least(quota, quota_of_levels(point, path_below(shown, v1 ? v1_group : v2_group)));
    }
    return quota == unlimited ? std::optional<int>() : quota;
}

/// Calls `note` with each CPU that this thread may run on, in ascending order; not at all when that is unknown. A mask
/// holds `sets` times 1024 CPUs, and the kernel refuses one that is too short.
template <class Note>
void for_each_cpu_allowed([[maybe_unused]] Note note, [[maybe_unused]] std::size_t sets = 1) {
#if defined(__linux__)
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
    throw std::invalid_argument(concat({"FANOUT_MAX_CPUS=", text, ": expected a whole number of at least 1"}));
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

/// Asks the system now, which takes some dozen small files: around 0.2 ms. Affinity is the calling thread's.
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
