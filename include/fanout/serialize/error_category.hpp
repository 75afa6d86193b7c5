// The categories of error codes, which have only a name in common between processes.
#pragma once

#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "fanout/core/concat.hpp"
#include "fanout/core/deferred.hpp"
#include "fanout/serialize/interned.hpp"

namespace fanout::detail {

/// Stands for a category that is not the standard library's.
class category_of_that_name final : public std::error_category {
public:
    explicit category_of_that_name(std::string name) : name_(std::move(name)) {}
    category_of_that_name(category_of_that_name&& moved) : name_(std::move(moved.name_)) {}

    std::string_view text() const noexcept { return name_; }
    const char* name() const noexcept override { return name_.c_str(); }
    std::string message(int value) const override { return concat({name_, " error ", std::to_string(value)}); }

private:
    std::string name_;
};

/// The generic and the system category are what they are. Each other name gets one stand-in, which lives for ever, as
/// categories do; from the hundredth on they share one. Thread-safe.
template <class ErrorCode = std::error_code>  // a parameter, so that only who reads one compiles it
const std::error_category& category_named(const std::string& name) {
    using stand_in = deferred<category_of_that_name, ErrorCode>;
    for (const std::error_category* known : {&std::generic_category(), &std::system_category()})
        if (name.compare(known->name()) == 0) return *known;
    if (const auto* known = interned<stand_in, 100>::find(name)) return *known;
    static const stand_in one_of_many("one of many categories");
    return one_of_many;
}

}  // namespace fanout::detail
