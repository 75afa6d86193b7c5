// Everything that a stranger can send: a preface, frames, messages, whatever they say.
#include <fanout/tcp/frames.hpp>
#include <fanout/tcp/messages.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

using namespace fanout::detail;

template <class Message>
static void read_as(const std::string& bytes) {
    try {
        static_cast<void>(packed(unpacked<Message>(bytes)));
    } catch (const fanout::decode_error&) {
    }
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string bytes(reinterpret_cast<const char*>(data), size);
    try {
        static_cast<void>(preface::check(bytes, {}));
    } catch (const protocol_error&) {
    }

    frame_parser parser;
    std::size_t at = 0;
    const std::size_t step = size > 0 ? data[0] % 40 + 1u : 1;
    try {
        while (at < size) {
            const std::size_t end = size - at < step ? size : at + step;
            parser.parse(
                [&](char* to, std::size_t wanted) {
                    const std::size_t part = wanted < end - at ? wanted : end - at;
                    bytes.copy(to, part, at);
                    at += part;
                    return part;
                },
                [&](const frame& got) {
                    if (got.payload.size() > 4096) std::abort();
                    read_as<hello_message>(got.payload);
                    read_as<reject_message>(got.payload);
                    read_as<run_message>(got.payload);
                    read_as<failed_message>(got.payload);
                    read_as<returned_message>(got.payload);
                    read_as<run_failed_message>(got.payload);
                    try {
                        std::size_t at = 0;
                        unpacked_before_bytes(got.payload, at);
                    } catch (const fanout::decode_error&) {
                    }
                });
        }
    } catch (const protocol_error&) {
    }
    return 0;
}
