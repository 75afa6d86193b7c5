// An exception from another process whose own class could not be made again: the nearest of the standard's, and its
// name.
#pragma once

#include <string>
#include <utility>

#include "fanout/core/co_owned.hpp"

namespace fanout {

/// What an exception that was thrown in another process has besides its standard base class. A `parse_error` of yours,
/// derived from `std::out_of_range`, can be caught as `std::out_of_range`, with its own text, or as this:
///
///     catch (const fanout::remote_exception& e) { log(e.type()); }  // "parse_error"
///
/// To get the `parse_error` itself, say `FANOUT_EXCEPTION(parse_error);` somewhere at namespace scope.
class remote_exception {
public:
    virtual ~remote_exception() = default;

    /// The name of its class, as it stands in the source.
    const std::string& type() const noexcept { return text_->type; }

    /// Its text, which is also the `what()` of the standard base.
    const std::string& text() const noexcept { return text_->what; }

protected:
    template <class Text>
    remote_exception(Text type, Text what) : text_(new texts(std::move(type), std::move(what))) {}
    remote_exception(const remote_exception&) noexcept = default;
    remote_exception& operator=(const remote_exception&) noexcept = default;

private:
    struct texts : detail::counts_owners {
        texts(std::string its_type, std::string its_what) : type(std::move(its_type)), what(std::move(its_what)) {}
        std::string type;
        std::string what;
    };
    detail::co_owned<const texts> text_;  // to copy an exception must not throw
};

namespace detail {

template <class Base>
class remote : public Base, public remote_exception {
public:
    template <class... Args>
    remote(std::string type, std::string what, Args&&... base)
        : Base(std::forward<Args>(base)...), remote_exception(std::move(type), std::move(what)) {}

    const char* what() const noexcept override { return text().c_str(); }
};

}  // namespace detail

}  // namespace fanout
