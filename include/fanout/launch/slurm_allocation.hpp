// What Slurm says about the job that this program runs in: its nodes, their CPUs, the time that is left.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "fanout/core/concat.hpp"
#include "fanout/launch/environment_variables.hpp"

namespace fanout::detail {

/// "n[1-3,07],gpu1" are n1, n2, n3, n07 and gpu1. Throws `std::invalid_argument`.
inline std::vector<std::string> expanded_hosts(const std::string& list) {
    const auto refuse = [&] {
        throw std::invalid_argument(concat({"fanout: slurm has named its nodes in a way that is not known: ", list}));
    };
    const auto number = [&](const std::string& digits) {
        if (digits.empty() || digits.size() > 9 || digits.find_first_not_of("0123456789") != digits.npos) refuse();
        return std::atol(digits.c_str());
    };
    std::vector<std::string> done, open{""};  // several brackets in one name multiply
    for (std::size_t at = 0; at <= list.size(); ++at) {
        const char letter = at < list.size() ? list[at] : ',';
        if (letter == ',') {
            for (std::string& each : open)
                if (!each.empty()) done.push_back(std::move(each));
            open.assign(1, "");
            continue;
        }
        if (letter != '[') {
            for (std::string& each : open) each += letter;
            continue;
        }
        const std::size_t end = list.find(']', at);
        if (end == list.npos) refuse();
        std::vector<std::string> ends;
        for (std::size_t from = at + 1; from <= end;) {
            std::size_t to = list.find(',', from);
            if (to > end) to = end;
            const std::string part = list.substr(from, to - from);
            const std::size_t dash = part.find('-');
            const std::string low = part.substr(0, dash), high = dash == part.npos ? low : part.substr(dash + 1);
            const long first = number(low), last = number(high);
            if (last - first > 1'000'000) refuse();
            for (long each = first; each <= last; ++each) {
                std::string digits = std::to_string(each);
                if (digits.size() < low.size()) digits.insert(0, low.size() - digits.size(), '0');
                ends.push_back(std::move(digits));
            }
            from = to + 1;
        }
        std::vector<std::string> longer;
        for (const std::string& each : open)
            for (const std::string& digits : ends) longer.push_back(each + digits);
        open = std::move(longer);
        at = end;
    }
    return done;
}

/// "2(x3),1" is 2, 2, 2 and 1.
inline std::vector<int> expanded_counts(const std::string& list) {
    std::vector<int> all;
    for (std::size_t at = 0; at < list.size();) {
        std::size_t end = list.find(',', at);
        if (end == list.npos) end = list.size();
        const std::string part = list.substr(at, end - at);
        const std::size_t times = part.find("(x");
        const int count = std::atoi(part.c_str());
        const int repeated = times == part.npos ? 1 : std::atoi(part.c_str() + times + 2);
        for (int i = 0; i < repeated && i < 1'000'000; ++i) all.push_back(count);
        at = end + 1;
    }
    return all;
}

/// "1-02:03:04", "03:04", "04" in seconds; none for UNLIMITED and the like.
inline std::optional<long> seconds_of(const std::string& time) {
    if (time.empty() || time.find_first_not_of("0123456789:-") != time.npos || time[0] == '-') return std::nullopt;
    const std::size_t dash = time.find('-');
    const long days = dash == time.npos ? 0 : std::atol(time.c_str());
    long rest = 0;
    for (std::size_t at = dash == time.npos ? 0 : dash + 1; at <= time.size();) {
        rest = rest * 60 + std::atol(time.c_str() + at);
        const std::size_t colon = time.find(':', at);
        if (colon == time.npos) break;
        at = colon + 1;
    }
    return days * 24 * 3600 + rest;
}

struct slurm_node {
    std::string name;
    int cpus = 1;
};

struct slurm_allocation {
    std::string job;
    std::vector<slurm_node> nodes;

    int cpus() const noexcept {
        int all = 0;
        for (const slurm_node& each : nodes) all += each.cpus;
        return all;
    }

    /// The one that this program runs in; none if it runs in none. Throws `std::invalid_argument`.
    static std::optional<slurm_allocation> ours() {
        slurm_allocation result;
        result.job = set_to("SLURM_JOB_ID");
        const std::string nodes = set_to("SLURM_JOB_NODELIST");
        if (result.job.empty() || nodes.empty()) return std::nullopt;
        const std::vector<int> cpus = expanded_counts(set_to("SLURM_JOB_CPUS_PER_NODE"));
        for (std::string& each : expanded_hosts(nodes)) {
            const std::size_t which = result.nodes.size();
            result.nodes.push_back({std::move(each), which < cpus.size() && cpus[which] > 0 ? cpus[which] : 1});
        }
        return result;
    }
};

/// Workers and their slots on the nodes of an allocation.
struct slurm_place {
    std::size_t node = 0;
    int slots = 1;
};

inline bool has_node_with(const slurm_allocation& in, int cpus) {
    for (const slurm_node& each : in.nodes)
        if (each.cpus >= cpus) return true;
    return false;
}

/// So many slots in all, no more on a node than it has CPUs: as even as possible, one worker for each node. With
/// `of_each` as many slots as that for each worker, and as many workers as it takes. Throws `std::invalid_argument` if
/// there is no room for them.
inline std::vector<slurm_place> places_on(const slurm_allocation& in, std::int64_t slots, std::optional<int> of_each) {
    std::vector<int> room;
    for (const slurm_node& each : in.nodes) room.push_back(each.cpus);
    std::vector<slurm_place> all;
    const int step = of_each.value_or(1);
    for (std::int64_t placed = 0; placed < slots;) {
        std::size_t best = 0;
        for (std::size_t i = 1; i < room.size(); ++i)
            if (room[i] > room[best]) best = i;
        if (room[best] < step)
            throw std::invalid_argument(concat(
                {"fanout: slurm: ", std::to_string(slots), " slots were asked for",
                 of_each ? concat({", ", std::to_string(step), " for each worker"}) : std::string(), ", and job ",
                 in.job, " has ", std::to_string(in.cpus()), " CPUs on ", std::to_string(in.nodes.size()),
                 !has_node_with(in, step)
                     ? " nodes, none with so many; give fewer slots, or ask for more CPUs of a node"
                     : " nodes; give n_jobs = -1 for all that it has, or ask salloc or sbatch for more"}));
        room[best] -= step;
        placed += step;
        all.push_back({best, step});
    }
    if (of_each) return all;
    std::vector<slurm_place> merged;
    for (std::size_t node = 0; node < room.size(); ++node)
        if (const int used = in.nodes[node].cpus - room[node]; used > 0) merged.push_back({node, used});
    return merged;
}

}  // namespace fanout::detail
