// What the environment of this program says to launchers.
#pragma once

#include <cstdlib>
#include <string>

namespace fanout::detail {

/// The value of an environment variable; empty if it has none.
inline std::string set_to(const char* variable) {
    const char* const value = std::getenv(variable);
    return value ? value : "";
}

inline std::string folder_of_temporary_files() {
    const std::string folder = set_to("TMPDIR");
    return folder.empty() ? "/tmp" : folder;
}

}  // namespace fanout::detail
