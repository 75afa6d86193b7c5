// Tests of write_exception.hpp: what is written for the exception that is being handled.
#include <fanout/serialize/write_exception.hpp>

#include <cstdint>
#include <new>
#include <stdexcept>
#include <string>

#include "catch.hpp"
#include "support/matchers.hpp"

using namespace fanout::detail;

namespace {

struct head {
    std::string type;
    std::string what;
    bool has_nested;
    exception_kind kind;
};

struct mine : std::length_error {
    using std::length_error::length_error;
};

template <class E>
memory_sink& written(memory_sink& sink, const E& exception) {
    try {
        throw exception;
    } catch (...) {
        fanout::writer to(sink);
        exception_writer<>(to).put_current();
    }
    return sink;
}

template <class E>
head head_of(const E& exception) {
    memory_sink sink;
    memory_source source(written(sink, exception));
    fanout::reader from(source);
    head read;
    from(read.type, read.what, read.has_nested, read.kind);
    return read;
}

/// Has room for so many bytes.
class small_sink final : public fanout::byte_sink {
public:
    explicit small_sink(std::size_t room) : room_(room) {}

private:
    void overflow(const std::byte*, std::size_t size) override {
        if (size > room_) throw std::runtime_error("full");
        room_ -= size;
    }
    std::size_t room_;
};

}  // namespace

TEST_CASE("type, text and the kind of the exception come first", "[write_exception]") {
    const head number = head_of(42);
    CHECK(number.type == "int");
    CHECK(number.what == "42");
    CHECK_FALSE(number.has_nested);
    CHECK(number.kind == exception_kind::number);
    CHECK(head_of(std::string("text")).kind == exception_kind::string);
    CHECK(head_of(static_cast<const char*>("text")).kind == exception_kind::literal);
    CHECK(head_of(std::bad_alloc()).kind == exception_kind::simple);
    CHECK(head_of(std::domain_error("x")).kind == exception_kind::standard);
    CHECK(head_of(fanout::cancelled("x")).kind == exception_kind::own);
    CHECK(head_of(nullptr).kind == exception_kind::unknown);
    const head own = head_of(mine("long"));
    CHECK_THAT(own.type, ending_with("mine"));
    CHECK(own.kind == exception_kind::standard);
}

TEST_CASE("what is nested is written before what it is nested in is told on", "[write_exception]") {
    memory_sink sink;
    try {
        try {
            throw 7;
        } catch (...) {
            std::throw_with_nested(std::runtime_error("outer"));
        }
    } catch (...) {
        fanout::writer to(sink);
        exception_writer<>(to).put_current();
    }
    memory_source source(sink);
    fanout::reader from(source);
    CHECK(from.read<std::string>() == "std::runtime_error");
    CHECK(from.read<std::string>() == "outer");
    CHECK(from.read<bool>());
    CHECK(from.read<std::string>() == "int");
}

TEST_CASE("a sink that is full throws its own error, wherever that is", "[write_exception]") {
    memory_sink whole;
    const std::size_t size = written(whole, mine("text")).size();
    for (std::size_t room = 0; room <= size; ++room) {
        small_sink sink(room);
        fanout::writer to(sink);
        try {
            throw mine("text");
        } catch (...) {
            if (room < size)
                CHECK_THROWS_WITH(exception_writer<>(to).put_current(), "full");
            else
                exception_writer<>(to).put_current();
        }
    }
}
