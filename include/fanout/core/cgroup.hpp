// Small files of the system, and the control groups of this process: where the kernel keeps its limits and counters.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstddef>
#include <string>
#include <string_view>

#include "fanout/core/concat.hpp"

// Written with few templates: whoever includes fanout pays for each of them.

namespace fanout::detail {

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

constexpr bool names(std::string_view list, std::string_view wanted) {
    while (!list.empty())
        if (cut(list, ',').compare(wanted) == 0) return true;
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

/// `group` as seen from a mount of `shown`: "/..." or, if it is that, "". So also when out of sight, like a namespace's
/// "/..".
constexpr std::string_view path_below(std::string_view shown, std::string_view group) {
    if (shown.compare("/") == 0) shown = "";
    if (!group.starts_with(shown)) return "";
    const std::string_view below = group.substr(shown.size());
    const bool goes_up = below.starts_with("/..") && (below.size() == 3 || below[3] == '/');
    return below.starts_with('/') && below.size() > 1 && !goes_up ? below : "";
}

/// Calls `visit` with the folder of each group that this process is in, as "/.../": its own first and then, as long as
/// that returns true, those above it. Over the mounts of both versions, since hybrid systems have both. `controller`:
/// "cpu", "memory"; `root` goes before every path; "" but in tests.
template <class Visit>
void for_each_own_cgroup(std::string_view root, std::string_view controller, const Visit& visit) {
    const std::string groups = read_file(root, "/proc/self/cgroup");
    const std::string mounts = read_file(root, "/proc/self/mountinfo");
    std::string_view v1_group, v2_group;
    for (std::string_view rest = groups; !rest.empty();) {  // id:controllers:path, and 0::path for version 2
        std::string_view line = cut(rest, '\n');
        const bool v2 = cut(line, ':').compare("0") == 0;
        if (names(cut(line, ':'), controller) || v2) (v2 ? v2_group : v1_group) = line;
    }
    for (std::string_view rest = mounts; !rest.empty();) {
        // id parent device shown point options [optional...] - type source options
        std::string_view place = cut(rest, '\n');
        const std::size_t separator = place.find(" - ");
        if (separator == place.npos) continue;
        std::string_view kind = place.substr(separator + 3);
        const std::string_view type = cut(kind, ' ');
        cut(kind, ' ');
        const bool v1 = type.compare("cgroup") == 0 && names(kind, controller);
        if (!v1 && type.compare("cgroup2") != 0) continue;
        for (int skipped = 0; skipped < 3; ++skipped) cut(place, ' ');
        const std::string shown = unescape(cut(place, ' '));
        const std::string point = concat({root, unescape(cut(place, ' '))});
        std::string_view below = path_below(shown, v1 ? v1_group : v2_group);
        while (visit(concat({point, below, "/"})) && !below.empty()) below = below.substr(0, below.rfind('/'));
    }
}

}  // namespace fanout::detail
