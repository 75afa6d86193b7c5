// The exceptions that arrive in their own class without being registered, and how each is written.
#pragma once

#include <cstdint>
#include <exception>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <typeinfo>

#include "fanout/core/errors.hpp"
#include "fanout/core/failure.hpp"
#include "fanout/core/light_standard.hpp"
#include "fanout/serialize/decode_error.hpp"
#include "fanout/serialize/members.hpp"

namespace fanout::detail {

/// Behind type, text and what is nested comes one of these, with the number of a class in its list, and what that
/// needs.
enum class exception_kind : std::uint8_t {
    standard,    // one of the standard's classes, or derived from one: number, whether it is just that, error code
    simple,      // one of the standard's that have a text of their own: number
    number,      // number of its type, and the number
    string,      // a std::string: the text says it all
    literal,     // a const char*: the same
    own,         // one of ours: number, and the failure that some of them tell of
    registered,  // name and number of the class, its bytes; and then once more, in case it is not known there
    unknown,     // its type has been named
};

/// Those from which others are derived; the most derived come first.
using standard_exceptions = types<std::invalid_argument, std::domain_error, std::length_error, std::out_of_range,
                                  std::logic_error, std::range_error, std::overflow_error, std::underflow_error,
                                  std::system_error, std::runtime_error, std::bad_alloc, std::bad_cast, std::exception>;

/// Without std::bad_weak_ptr, for which everybody who includes fanout would have to include std::shared_ptr too: who
/// wants it exactly says FANOUT_EXCEPTION(std::bad_weak_ptr), else it arrives as a std::exception of that name.
using simple_exceptions = types<std::bad_alloc, std::bad_array_new_length, std::bad_cast, std::bad_typeid,
                                std::bad_exception, std::bad_optional_access, std::exception>;

using thrown_numbers =
    types<int, unsigned, long, unsigned long, long long, unsigned long long, double, float, bool, char>;

using own_exceptions = types<cancelled, pool_broken, decode_error, task_timeout, worker_lost>;

/// Calls `use` with all that is sent of a failure. Its exception stays behind.
template <class Failure, class Use>
void with_fields_of(Failure& why, const Use& use) {
    use(why.index, why.type, why.what, why.signal, why.attempts, why.worker, why.pid, why.peak_memory, why.backend);
}

inline constexpr int deepest_nested_exception = 32;

}  // namespace fanout::detail
