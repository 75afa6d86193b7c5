// Writes messages for the fuzzers to begin with: seeds FOLDER
#include <fanout/serialize/codec.hpp>
#include <fanout/serialize/exceptions.hpp>
#include <fanout/serialize/memory.hpp>
#include <fanout/tcp/frames.hpp>
#include <fanout/tcp/messages.hpp>

#include <cstddef>
#include <exception>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>

#include "types.hpp"

namespace {

struct own_error : std::out_of_range {
    using std::out_of_range::out_of_range;
};

std::filesystem::path root;

void save(const std::string& fuzzer, const std::string& name, const void* data, std::size_t size) {
    std::filesystem::create_directories(root / fuzzer);
    std::ofstream(root / fuzzer / name, std::ios::binary)
        .write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
}

template <class T>
void seed(const std::string& fuzzer, const T& value) {
    const auto bytes = fanout::detail::bytes_of(value);
    save(fuzzer, "value", bytes.data(), bytes.size());
}

template <class E>
void seed_exception(const std::string& name, const E& exception) {
    fanout::detail::memory_sink sink;
    try {
        try {
            throw 42;
        } catch (...) {
            std::throw_with_nested(exception);
        }
    } catch (...) {
        fanout::write_current_exception(sink);
    }
    save("exceptions", name, sink.data(), sink.size());
}

void seed_frame_of(const std::string& name, fanout::detail::frame_type type, const std::string& payload) {
    std::string bytes(fanout::detail::frame::header_size, '\0');
    fanout::detail::frame{type, true, false, false, 1}.put_header(bytes.data(), payload.size());
    bytes += payload;
    save("frames", name, bytes.data(), bytes.size());
}

template <class Message>
void seed_frame(const std::string& name, fanout::detail::frame_type type, const Message& message) {
    seed_frame_of(name, type, fanout::detail::packed(message));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 1;
    root = argv[1];
    const fuzz::tree tree{1, 0.5, {{2, 0.25, {}}, {3, 0.125, {}}}};
    seed("tree", tree);
    seed("model", fuzz::model{"m", {tree}, {{"auc", 0.9}, {"f1", {}}}, "t", {1, 2, 3}});
    seed("containers", fuzz::containers{{"a", "b"}, U"w", {true}, {{1}}, {{1, 2}}, {"l"}, {{1, "x"}}, {{"k", {1.0}}}});
    fuzz::standard standard{};
    standard.next = std::make_unique<fuzz::standard>();
    standard.text = std::make_shared<std::string>("text");
    standard.code = std::make_error_code(std::errc::timed_out);
    seed("standard", standard);
    seed("flat", fuzz::flat{{{}, {}}, {}, {"a", "b"}, {{1, {}}}});
    seed("functions", fuzz::functions());
    seed_exception("standard", std::domain_error("seven"));
    seed_exception("own", own_error("far"));
    seed_exception("system", std::system_error(5, std::generic_category(), "reading"));
    seed_exception("timeout", fanout::task_timeout(7, "too long"));
    seed_exception("lost", fanout::worker_lost({.index = 3}));
    seed_exception("text", std::string("text"));
    seed_exception("literal", static_cast<const char*>("literal"));

    using fanout::detail::frame_type;
    const std::string preface = fanout::detail::preface().bytes();
    save("frames", "preface", preface.data(), preface.size());
    seed_frame("hello", frame_type::hello, fanout::detail::hello_message{"host", 1, "/program", "0123456789abcdef", 2});
    seed_frame("run", frame_type::run_begin,
               fanout::detail::run_message{
                   .run = 1, .code = {"0123", 64}, .name = "name", .function = "function", .shared = {1, 2}});
    seed_frame_of("shared", frame_type::blob, fanout::detail::packed_before_bytes({{"0123", 64}, 5}) + "value");
    seed_frame("failed", frame_type::failed,
               fanout::detail::failed_message{.run = 1,
                                              .index = 2,
                                              .type = "type",
                                              .what = "what",
                                              .text = "text",
                                              .signal = 11,
                                              .attempts = 3,
                                              .pid = 42});
}
