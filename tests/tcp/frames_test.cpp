#include <fanout/tcp/frames.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/matchers.hpp"

using namespace fanout::detail;

static std::string bytes_of(const frame& what) {
    std::string bytes(frame::header_size, '\0');
    what.put_header(bytes.data());
    return bytes + what.payload;
}

/// Gives the bytes to a parser so many at a time.
static std::vector<frame> parsed(const std::string& bytes, std::size_t step, std::size_t longest = 4096) {
    frame_parser parser;
    parser.allow(longest);
    std::vector<frame> frames;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        std::size_t from = at;
        const std::size_t end = at + step < bytes.size() ? at + step : bytes.size();
        parser.parse(
            [&](char* to, std::size_t size) {
                const std::size_t part = size < end - from ? size : end - from;
                bytes.copy(to, part, from);
                from += part;
                return part;
            },
            [&](frame got) { frames.push_back(std::move(got)); });
    }
    return frames;
}

static std::string refusal(const std::string& got, const preface& expected) {
    try {
        return preface::check(got, expected) ? "" : "more, please";
    } catch (const protocol_error& e) {
        return e.what();
    }
}

TEST_CASE("frames come out as they were put in, however the bytes are cut") {
    std::string bytes;
    for (int i = 0; i < 5; ++i)
        bytes +=
            bytes_of({frame_type::result, i % 2 == 0, i == 3, i > 0, 0x0102'0304'0506'0708u + static_cast<unsigned>(i),
                      std::string(static_cast<std::size_t>(i * 100), 'x')});
    for (const std::size_t step : {1u, 7u, 16u, 100u, 5000u}) {
        const auto frames = parsed(bytes, step);
        REQUIRE(frames.size() == 5);
        for (std::size_t i = 0; i < 5; ++i) {
            CHECK(frames[i].type == frame_type::result);
            CHECK(frames[i].last == (i % 2 == 0));
            CHECK(frames[i].abandoned == (i == 3));
            CHECK(frames[i].continues == (i > 0));
            CHECK(frames[i].stream == 0x0102'0304'0506'0708u + i);
            CHECK(frames[i].payload == std::string(i * 100, 'x'));
        }
    }
}

TEST_CASE("what is no frame, or a longer one than is allowed, is refused before anything is set aside for it") {
    CHECK_THROWS_AS(parsed(std::string(16, '\0'), 16), protocol_error);
    CHECK_THROWS_AS(parsed(std::string(16, '\xff'), 16), protocol_error);
    for (const std::size_t reserved : {std::size_t{2}, std::size_t{3}}) {
        std::string odd = bytes_of({frame_type::ping, true, false, false, 0, {}});
        odd[reserved] = 1;
        CHECK_THROWS_AS(parsed(odd, 16), protocol_error);
    }
    std::string unknown_mark = bytes_of({frame_type::ping, true, false, false, 0, {}});
    unknown_mark[1] = 8;
    CHECK_THROWS_AS(parsed(unknown_mark, 16), protocol_error);
    std::string unknown = bytes_of({frame_type::ping, true, false, false, 0, {}});
    unknown[0] = static_cast<char>(static_cast<int>(frame_type::last) + 1);
    CHECK_THROWS_AS(parsed(unknown, 16), protocol_error);

    std::string header(frame::header_size, '\0');
    frame{frame_type::hello}.put_header(header.data(), 4097);
    CHECK_THROWS_AS(parsed(header, 16), protocol_error);
    frame{frame_type::hello}.put_header(header.data(), 0xffff'ffff);
    CHECK_THROWS_AS(parsed(header, 16, frame::longest), protocol_error);
    frame{frame_type::hello}.put_header(header.data(), 4096);
    CHECK(parsed(header, 16).empty());
}

TEST_CASE("the preface of the other side is compared, and each mistake has a name") {
    preface expected;
    expected.from = role::worker;
    expected.job.words[0] = 5;
    const std::string good = expected.bytes();
    REQUIRE(good.size() == preface::size);
    CHECK(refusal(good, expected) == "");
    CHECK(refusal(good.substr(0, 47), expected) == "more, please");
    CHECK(refusal("", expected) == "more, please");
    CHECK(refusal("FAN", expected) == "more, please");

    preface other = expected;
    other.job.words[0] = 6;
    CHECK_THAT(refusal(other.bytes(), expected), containing("another job"));
    other = expected;
    other.security = security_mode::plain;
    CHECK_THAT(refusal(other.bytes(), expected), containing("plain TCP, this side wants TLS"));
    CHECK_THAT(refusal(good, other), containing("wants TLS, this side speaks plain TCP"));
    other = expected;
    other.version = 258;
    CHECK_THAT(refusal(other.bytes(), expected), containing("version 258"));
    other = expected;
    other.from = role::coordinator;
    CHECK_THAT(refusal(other.bytes(), expected), containing("a coordinator too"));
    CHECK_THAT(refusal(good, other), containing("another worker"));
    std::string of_other_kind = good;
    of_other_kind[12] = 4;
    CHECK_THAT(refusal(of_other_kind, expected), containing("another kind"));
    of_other_kind = good;
    of_other_kind[13] = static_cast<char>(3 - good[13]);  // the other order of bytes
    CHECK_THAT(refusal(of_other_kind, expected), containing("another kind"));
}

TEST_CASE("the number of a job is 32 hexadecimal digits") {
    job_number job;
    CHECK(job_number::parse("0123456789abcdef00000000000000ff", job));
    CHECK(job.text() == "0123456789abcdef00000000000000ff");
    for (const char* const wrong : {"", "1", "0123456789abcdef00000000000000fg", "0123456789abcdef00000000000000fff"})
        CHECK(!job_number::parse(wrong, job));
    CHECK(job.words[1] == 0xff);
}

TEST_CASE("strangers are recognized") {
    const preface expected;
    for (const char* const method : {"GET", "POST", "HEAD", "PUT"})
        CHECK_THAT(refusal(method + std::string(" / HTTP/1.1\r\n"), expected), containing("HTTP"));
    CHECK_THAT(refusal("HTTP/1.1 400 Bad Request\r\n", expected), containing("HTTP"));
    CHECK_THAT(refusal("SSH-2.0-OpenSSH", expected), containing("SSH"));
    CHECK_THAT(refusal("\x16\x03\x01", expected), containing("TLS"));
    CHECK_THAT(refusal(std::string(100, '\0'), expected), containing("does not speak"));
}
