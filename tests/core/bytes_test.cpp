// Tests of bytes.hpp: what fits the window is copied, and only what does not is left to the carrier.
#include <fanout/core/bytes.hpp>

#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <string>

#include "catch.hpp"

namespace {

std::string text_at(const std::byte* data, std::size_t size) {
    return {static_cast<const char*>(static_cast<const void*>(data)), size};
}

/// With a window of four bytes after each overflow.
class small_windows final : public fanout::byte_sink {
public:
    std::string sent() {
        flush();
        return sent_;
    }
    int overflows = 0;

private:
    void flush() {
        if (next_) sent_ += text_at(window_, static_cast<std::size_t>(next_ - window_));
        next_ = window_;
        end_ = window_ + sizeof window_;
    }
    void overflow(const std::byte* data, std::size_t size) override {
        ++overflows;
        flush();
        sent_ += text_at(data, size);
    }

    std::byte window_[4];
    std::string sent_;
};

class from_text final : public fanout::byte_source {
public:
    explicit from_text(const char* text) : text_(text) {
        next_ = static_cast<const std::byte*>(static_cast<const void*>(text_));
        end_ = next_ + std::strlen(text);
    }
    std::size_t left() const noexcept override { return static_cast<std::size_t>(end_ - next_); }
    std::size_t believable() const noexcept override { return left(); }

private:
    void underflow(std::byte*, std::size_t) override { throw std::out_of_range("the end"); }
    const char* text_;
};

}  // namespace

TEST_CASE("bytes arrive in the order in which they were written, window or not", "[bytes]") {
    small_windows sink;
    sink.write("ab", 2);  // there is no window yet
    CHECK(sink.overflows == 1);
    sink.write("cd", 2);
    sink.write("ef", 2);
    CHECK(sink.overflows == 1);
    sink.write("ghi", 3);
    CHECK(sink.overflows == 2);
    CHECK(sink.sent() == "abcdefghi");
}

TEST_CASE("nothing can be written, and read, from nowhere", "[bytes]") {
    small_windows sink;
    sink.write(nullptr, 0);
    CHECK(sink.overflows == 0);
    from_text source("");
    source.read(nullptr, 0);
    CHECK(source.left() == 0);
}

TEST_CASE("what is read is gone, and what is not there is asked of the carrier", "[bytes]") {
    from_text source("abcd");
    char to[3];
    source.read(to, 3);
    CHECK(std::string(to, 3) == "abc");
    CHECK(source.left() == 1);
    CHECK_THROWS_AS(source.read(to, 2), std::out_of_range);
    source.read(to, 1);
    CHECK(to[0] == 'd');
}
