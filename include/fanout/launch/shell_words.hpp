// Commands as somebody types them into a shell.
#pragma once

#include <string>
#include <vector>

namespace fanout::detail {

/// So that a shell takes it for one word, whatever is in it.
inline std::string shell_quoted(const std::string& word) {
    std::string quoted = "'";
    for (const char each : word) each == '\'' ? quoted += "'\\''" : quoted += each;
    return quoted += "'";
}

/// "sbatch --array=0-3 'a b'": to be shown, and to be typed again.
inline std::string as_typed(const std::vector<std::string>& words) {
    std::string line;
    for (const std::string& each : words) {
        const bool plain = !each.empty() && each.find_first_of(" \t\n'\"\\$&;|<>()[]*?#`!{}") == each.npos;
        line += line.empty() ? "" : " ";
        line += plain ? each : shell_quoted(each);
    }
    return line;
}

}  // namespace fanout::detail
