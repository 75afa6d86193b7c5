// The one error of reading: bytes that do not make the value that was asked for.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <typeinfo>

#include "fanout/core/concat.hpp"
#include "fanout/core/describe.hpp"

namespace fanout {

/// Bytes do not make a value. Its text says what is wrong with them, and in which type:
/// "fanout: a length of 5000000000 with 12 bytes left, in std::vector<double, std::allocator<double> >".
class decode_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

namespace detail {

/// Out of line, so that what is read in place stays small.
[[noreturn, gnu::cold, gnu::noinline]] inline void throw_decode_error(const std::string& wrong,
                                                                      const std::type_info& type) {
    throw decode_error(concat({"fanout: ", wrong, ", in ", demangled(type.name())}));
}

[[noreturn, gnu::cold, gnu::noinline]] inline void throw_too_short(std::size_t wanted, std::size_t left) {
    throw decode_error(concat(
        {"fanout: ", std::to_string(wanted), " bytes were to be read where ", std::to_string(left), " are left"}));
}

[[noreturn, gnu::cold, gnu::noinline]] inline void throw_bad_length(std::size_t length, std::size_t left,
                                                                    const std::type_info& type) {
    throw_decode_error(concat({"a length of ", std::to_string(length), " with ", std::to_string(left), " bytes left"}),
                       type);
}

}  // namespace detail

}  // namespace fanout
