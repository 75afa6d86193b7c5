// What a text contains, begins or ends with, under the names that both Catch2 2 and 3 understand.
#pragma once

#include <string>

#include "catch.hpp"

inline auto containing(const std::string& part) {
#if CATCH_VERSION_MAJOR > 2
    return Catch::Matchers::ContainsSubstring(part);
#else
    return Catch::Matchers::Contains(part);
#endif
}
inline auto starting_with(const std::string& part) { return Catch::Matchers::StartsWith(part); }
inline auto ending_with(const std::string& part) { return Catch::Matchers::EndsWith(part); }
