// Any bytes as a FANOUT_FUZZED: an error, or a value that survives being sent.
#include <fanout/serialize/codec.hpp>
#include <fanout/serialize/memory.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>

#include "types.hpp"

using value_type = fuzz::FANOUT_FUZZED;

namespace {

std::optional<value_type> value_in(const std::uint8_t* data, std::size_t size) {
    fanout::detail::memory_source source(data, size, 1024);
    fanout::reader from(source);
    try {
        return from.read<value_type>();
    } catch (const fanout::decode_error&) {
        return std::nullopt;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto value = value_in(data, size);
    if (!value) return 0;
    const auto bytes = fanout::detail::bytes_of(*value);
    const auto again = fanout::detail::value_from<value_type>(bytes);
    if (fanout::detail::bytes_of(again).size() != bytes.size()) std::abort();
    return 0;
}
