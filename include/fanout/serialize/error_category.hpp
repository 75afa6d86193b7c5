// The categories of error codes, which have only a name in common between processes.
#pragma once

#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "fanout/serialize/interned.hpp"

namespace fanout::detail {

/// Stands for a category that is not the standard library's.
class category_of_that_name final : public std::error_category {
public:
    explicit category_of_that_name(std::string name) : name_(std::move(name)) {}
    category_of_that_name(category_of_that_name&& moved) : name_(std::move(moved.name_)) {}

    std::string_view text() const noexcept { return name_; }
    const char* name() const noexcept override { return name_.c_str(); }
    std::string message(int value) const override { return name_ + " error " + std::to_string(value); }

private:
    std::string name_;
};

/// The generic and the system category are what they are. Each other name gets one stand-in, which lives for ever, as
/// categories do; from the hundredth on they share one. Thread-safe.
inline const std::error_category& category_named(const std::string& name) {
    if (name == std::generic_category().name()) return std::generic_category();
    if (name == std::system_category().name()) return std::system_category();
    if (const auto* known = interned<category_of_that_name, 100>::find(name)) return *known;
    static const category_of_that_name one_of_many("one of many categories");
    return one_of_many;
}

}  // namespace fanout::detail
