// Text from parts. A chain of operator+ costs whoever includes it more: each is a choice among two dozen templates.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace fanout::detail {

inline std::string concat(std::initializer_list<std::string_view> parts) {
    std::string whole;
    for (const std::string_view part : parts) whole.append(part.data(), part.size());
    return whole;
}

}  // namespace fanout::detail
