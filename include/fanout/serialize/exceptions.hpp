// Exceptions as bytes: they arrive in another process as what they were, or as what is nearest to it.
#pragma once

#include <concepts>

#include "fanout/core/bytes.hpp"
#include "fanout/serialize/read_exception.hpp"
#include "fanout/serialize/registered_exceptions.hpp"
#include "fanout/serialize/write_exception.hpp"

namespace fanout {

/// Only inside a catch block: writes the exception that is being handled, whatever it is, and what is nested in it.
/// Throws what the sink throws; a thread's cancellation passes through.
template <std::derived_from<byte_sink> Sink>
void write_current_exception(Sink& sink) {
    writer to(sink);
    detail::exception_writer<writer>(to).put_current();
}

/// Makes the exception again. The standard's classes arrive as they are, with the exact text; so do thrown numbers and
/// strings, fanout's own exceptions, and classes that were registered. Other classes arrive as the standard class that
/// they are derived from and as `remote_exception`, which knows their name. What was nested is nested again. Throws
/// `decode_error` when the bytes are no exception.
template <std::derived_from<byte_source> Source>
received_exception read_exception(Source& source) {
    reader from(source);
    return detail::exception_reader<reader>(from).take_exception();
}

}  // namespace fanout
