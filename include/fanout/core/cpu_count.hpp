// How many CPUs this process may use, how that was found, and joblib's meaning of n_jobs.
#pragma once

#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace fanout {
namespace detail {
/// The tighter of two limits; nothing means unlimited.
constexpr std::optional<int> least(std::optional<int> a, std::optional<int> b) { return !b || (a && *a < *b) ? a : b; }

/// Digits only. Beyond int becomes INT_MAX, which as an upper limit says the same.
inline std::optional<int> whole_number(std::string_view digits, int base = 10) {
    if (digits.empty() || digits.find_first_not_of("0123456789") != digits.npos) return std::nullopt;
    const unsigned long value = std::strtoul(std::string(digits).c_str(), nullptr, base);
    return value < INT_MAX ? static_cast<int>(value) : INT_MAX;
}

/// Without the last newline; empty when unreadable, which here always means "no limit known".
inline std::string read_file(const std::string& path) {
    std::string text;
    // e: a concurrent fork and exec must not inherit it
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
    if (!file) return text;
    char chunk[1024];
    while (const std::size_t got = std::fread(chunk, 1, sizeof chunk, file.get())) text.append(chunk, got);
    if (text.ends_with('\n')) text.pop_back();
    return text;
}

/// Takes the text before the first `separator` off the front of `rest`, and drops the separator.
constexpr std::string_view cut(std::string_view& rest, char separator) {
    const std::string_view head = rest.substr(0, rest.find(separator));
    rest = rest.substr(head.size() < rest.size() ? head.size() + 1 : head.size());
    return head;
}

inline std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (!text.empty()) parts.push_back(cut(text, separator));
    return parts;
}

inline bool names_cpu(std::string_view list) { return (',' + std::string(list) + ',').find(",cpu,") != list.npos; }

/// Undoes mountinfo's \ooo for space, tab, newline and backslash.
inline std::string unescape(std::string_view text) {
    std::string plain(text);
    for (std::size_t at = 0; (at = plain.find('\\', at)) != plain.npos; ++at) {
        plain.replace(at, 4, 1, static_cast<char>(whole_number(plain.substr(at + 1, 3), 8).value_or('\\')));
    }
    return plain;
}

/// `group` as seen from a mount of `shown`: "/..." or "". The latter also when out of sight, like a namespace's "/..".
inline std::string_view path_below(std::string_view shown, std::string_view group) {
    if (shown == "/") shown = "";
    const std::string_view below = group.starts_with(shown) ? group.substr(shown.size()) : "";
    return below.starts_with('/') && !(std::string(below) + '/').starts_with("/../") ? below : "";
}

/// From "quota [period]" in microseconds, rounded up. "max" and -1 are no whole numbers: unlimited, as is garbage.
inline std::optional<int> quota_in_cpus(std::string_view line) {
    const auto quota = whole_number(cut(line, ' '));
    const auto period = line.empty() ? 100'000 : whole_number(line);
    if (!quota || !period || *quota == 0 || *period == 0) return std::nullopt;
    return *quota / *period + (*quota % *period != 0);
}

/// The tightest of all levels from `top + below` up to `top`: no group gets more than its ancestors.
inline std::optional<int> quota_of_levels(const std::string& top, std::string_view below) {
    const std::string group = top + std::string(below) + '/';
    const std::string v1 = read_file(group + "cpu.cfs_quota_us") + ' ' + read_file(group + "cpu.cfs_period_us");
    const auto here = least(quota_in_cpus(v1), quota_in_cpus(read_file(group + "cpu.max")));
    return below.empty() ? here : least(here, quota_of_levels(top, below.substr(0, below.rfind('/'))));
}

/// Over the mounts of both versions, since hybrid systems have both. `root` goes before every path; "" but in tests.
inline std::optional<int> cgroup_cpu_quota(const std::string& root) {
    const std::string groups = read_file(root + "/proc/self/cgroup");
    const std::string mounts = read_file(root + "/proc/self/mountinfo");
    std::string_view v1_group, v2_group;
    for (std::string_view line : split(groups, '\n')) {  // id:controllers:path, and 0::path for version 2
        const bool v2 = cut(line, ':') == "0";
        if (names_cpu(cut(line, ':')) || v2) (v2 ? v2_group : v1_group) = line;
    }
    std::optional<int> quota;
    for (const std::string_view line : split(mounts, '\n')) {
        // id parent device shown point options [optional...] - type source options
        const auto field = split(line, ' ');
        if (field.size() < 10) continue;
        const bool v1 = field.end()[-3] == "cgroup" && names_cpu(field.back());
        if (!v1 && field.end()[-3] != "cgroup2") continue;
        const auto below = path_below(unescape(field[3]), v1 ? v1_group : v2_group);
        quota = least(quota, quota_of_levels(root + unescape(field[4]), below));
    }
    return quota;
}

/// Ascending; empty when unknown. A mask holds `sets` times 1024 CPUs, and the kernel refuses one that is too short.
inline std::vector<std::size_t> affinity_cpus([[maybe_unused]] std::size_t sets = 1) {
    std::vector<std::size_t> cpus;
#if defined(__linux__)
    std::vector<cpu_set_t> mask(sets);
    const std::size_t bytes = sets * sizeof(cpu_set_t);
    if (sched_getaffinity(0, bytes, mask.data()) != 0) return sets < 1024 ? affinity_cpus(sets * 2) : cpus;
    for (std::size_t cpu = 0; cpu < bytes * 8; ++cpu) {
        if (CPU_ISSET_S(cpu, bytes, mask.data())) cpus.push_back(cpu);
    }
#endif
    return cpus;
}

inline std::optional<int> max_cpus_from_env() {
    const char* const text = std::getenv("FANOUT_MAX_CPUS");
    if (!text || !*text) return std::nullopt;
    if (const auto most = whole_number(text); most && *most > 0) return most;
    throw std::invalid_argument("FANOUT_MAX_CPUS=" + std::string(text) + ": expected a whole number of at least 1");
}

/// Siblings share one ascending list such as "0,64" or "0-1": its first number names the core.
inline std::optional<int> core_of(std::size_t cpu, const std::string& root) {
    const std::string topology = root + "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
    std::string siblings = read_file(topology + "core_cpus_list");
    if (siblings.empty()) siblings = read_file(topology + "thread_siblings_list");
    return whole_number(siblings.substr(0, siblings.find_first_of(",-")));
}

inline std::optional<int> distinct_cores(const std::vector<std::size_t>& cpus, const std::string& root) {
    std::vector<bool> seen;
    std::optional<int> cores;
    for (const std::size_t cpu : cpus) {
        const auto core = static_cast<std::size_t>(core_of(cpu, root).value_or(INT_MAX));
        if (core > cpu) return std::nullopt;
        seen.resize(cpu + 1);
        if (!seen[core]) cores = cores.value_or(0) + 1;
        seen[core] = true;
    }
    return cores;
}

}  // namespace detail

/// Each bound on the number of CPUs by itself.
struct cpu_limits {
    int hardware;              // CPUs online
    int affinity;              // CPUs the calling thread may run on; `hardware` when unknown
    std::optional<int> quota;  // CPUs' worth of time the cgroups grant, rounded up
    std::optional<int> env;    // FANOUT_MAX_CPUS

    constexpr int count() const { return *detail::least(detail::least(hardware, affinity), detail::least(quota, env)); }
};

/// Asks the system now, which takes some dozen small files: around 0.2 ms. Affinity is the calling thread's.
/// Throws std::invalid_argument when FANOUT_MAX_CPUS is set to anything but a whole number of at least 1.
inline cpu_limits read_cpu_limits() {
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    const int hardware = online > 0 ? static_cast<int>(online) : 1;
    const auto allowed = static_cast<int>(detail::affinity_cpus().size());
    return {hardware, allowed > 0 ? allowed : hardware, detail::cgroup_cpu_quota(""), detail::max_cpus_from_env()};
}

/// CPUs this process may use, at least 1: the lowest of `cpu_limits`. Read at the first call and kept, also over fork:
/// later changes go unseen, and a first call from a pinned thread keeps that thread's affinity for all. Afterwards
/// ~1 ns; any thread may call it. Throws as read_cpu_limits() does, and then keeps nothing.
inline int cpu_count() {
    static std::atomic<int> kept{0};
    int count = kept.load(std::memory_order_relaxed);
    if (count == 0) kept.store(count = read_cpu_limits().count(), std::memory_order_relaxed);
    return count;
}

/// Distinct cores among the CPUs the calling thread may run on, at most cpu_count() and that when the system does not
/// tell. Not kept: reads a small file per CPU. For work that gains nothing from a second thread on a core.
inline int physical_cores() { return *detail::least(cpu_count(), detail::distinct_cores(detail::affinity_cpus(), "")); }

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
