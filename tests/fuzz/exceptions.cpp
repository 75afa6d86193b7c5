// Any bytes as an exception: an error, or an exception that survives being sent.
#include <fanout/serialize/exceptions.hpp>
#include <fanout/serialize/memory.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>

namespace {

struct text_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};
struct plain_error {
    int code;
    std::string text;
};

FANOUT_EXCEPTION(text_error);
FANOUT_EXCEPTION(plain_error);

fanout::received_exception exception_in(const void* data, std::size_t size) {
    fanout::detail::memory_source source(data, size, 1024);
    return fanout::read_exception(source);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fanout::received_exception received;
    try {
        received = exception_in(data, size);
    } catch (const fanout::decode_error&) {
        return 0;
    }
    fanout::detail::memory_sink sink;
    try {
        std::rethrow_exception(received.exception);
    } catch (...) {
        fanout::write_current_exception(sink);
    }
    exception_in(sink.data(), sink.size());
    return 0;
}
