// Tests of ring.hpp, with a thread in place of the worker: what is written is read, and nonsense is found out.
#include <fanout/processes/ring.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"

using fanout::detail::message;
using fanout::detail::piece;
using fanout::detail::ring_ends;
using fanout::detail::ring_memory;
using fanout::detail::ring_reader;
using fanout::detail::ring_writer;

namespace {

struct ring {
    explicit ring(std::size_t size) : bytes(size) {}
    ring_memory memory() { return {&ends, bytes.data(), bytes.size()}; }
    ring_ends ends;
    std::vector<std::byte> bytes;
};

class writer final : public ring_writer {
public:
    using ring_writer::ring_writer;

private:
    void wait_for_room(std::size_t bytes) override {
        while (room() < bytes) std::this_thread::yield();
    }
    void published(bool) override {}
};

class reader final : public ring_reader {
public:
    using ring_reader::ring_reader;
    bool writer_lives = true;

private:
    bool wait_for_bytes() override {
        while (unread() == 0) {
            if (!writer_lives) return false;
            std::this_thread::yield();
        }
        return true;
    }
    void released() override {}
};

void write_message(writer& to, std::uint64_t index, const std::string& text) {
    to.begin(message::result, index);
    const std::uint64_t size = text.size();
    to.write(&size, sizeof size);
    to.write(text.data(), text.size());
    to.finish();
}

std::string read_message(reader& from, std::uint64_t index) {
    piece first;
    auto found = from.look(first);
    while (found == reader::waiting::nothing) found = from.look(first);
    REQUIRE(found != reader::waiting::nonsense);
    REQUIRE(first.index == index);
    from.open(found);
    std::uint64_t size = 0;
    from.read(&size, sizeof size);
    std::string text(size, '\0');
    from.read(text.data(), size);
    from.skip_rest();
    return text;
}

}  // namespace

TEST_CASE("messages of all lengths come through a small ring as they were", "[ring]") {
    for (const std::size_t size : {std::size_t(1024), std::size_t(65536)}) {
        ring shared(size);
        const auto text_of = [](std::uint64_t i) {
            std::mt19937 random(static_cast<unsigned>(i));
            return std::string(random() % (i % 10 == 0 ? 20'000 : 300), static_cast<char>('a' + i % 26));
        };
        std::thread worker([&] {
            writer to(shared.memory());
            for (std::uint64_t i = 0; i < 2'000; ++i) write_message(to, i, text_of(i));
        });
        reader from(shared.memory());
        bool same = true;
        for (std::uint64_t i = 0; i < 2'000; ++i) same = read_message(from, i) == text_of(i) && same;
        worker.join();
        CHECK(same);
        CHECK(from.unread() == 0);
    }
}

TEST_CASE("a message that is in the ring as a whole says how much of it is left", "[ring]") {
    ring shared(4096);
    writer to(shared.memory());
    write_message(to, 7, std::string(1500, 'x'));
    reader from(shared.memory());
    piece first;
    const auto found = from.look(first);
    REQUIRE(found == reader::waiting::whole);
    from.open(found);
    CHECK(from.left() == 1508);
    char part[1000];
    from.read(part, sizeof part);
    CHECK(from.left() == 508);
    CHECK_THROWS_AS(from.read(part, 509), std::runtime_error);
    CHECK(from.failed() == reader::failure_kind::too_short);
    from.skip_rest();
    CHECK(from.look(first) == reader::waiting::nothing);
}

TEST_CASE("a message that is taken back before anything of it was published has never been", "[ring]") {
    ring shared(4096);
    writer to(shared.memory());
    to.begin(message::result, 1);
    to.write("half", 4);
    to.abandon();
    write_message(to, 1, "whole");
    reader from(shared.memory());
    CHECK(read_message(from, 1) == "whole");
}

TEST_CASE("a message that is taken back in the middle is passed over", "[ring]") {
    ring shared(4096);
    writer to(shared.memory());
    to.begin(message::result, 1);
    const std::string long_text(1500, 'x');
    to.write(long_text.data(), long_text.size());
    to.abandon();
    write_message(to, 1, "whole");
    reader from(shared.memory());
    piece first;
    REQUIRE(from.look(first) == reader::waiting::whole);
    CHECK(first.kind == message::abandoned);
    from.open(reader::waiting::whole);
    CHECK_THROWS_AS(from.skip_rest(), std::runtime_error);
    CHECK(from.failed() == reader::failure_kind::abandoned);
    CHECK(read_message(from, 1) == "whole");
}

TEST_CASE("a message whose writer dies in the middle ends with an exception", "[ring]") {
    ring shared(4096);
    writer to(shared.memory());
    to.begin(message::result, 1);
    const std::string long_text(1500, 'x');
    to.write(long_text.data(), long_text.size());
    reader from(shared.memory());
    from.writer_lives = false;
    piece first;
    const auto found = from.look(first);
    REQUIRE(found == reader::waiting::part);
    from.open(found);
    std::string text(1500, '\0');
    CHECK_THROWS_AS(from.read(text.data(), text.size()), std::runtime_error);
    CHECK(from.failed() == reader::failure_kind::writer_gone);
}

TEST_CASE("whatever is scribbled into a ring, nothing is read outside of it", "[ring]") {
    std::mt19937 random(1);
    int nonsense = 0;
    for (int round = 0; round < 20'000; ++round) {
        ring shared(1024);
        writer to(shared.memory());
        write_message(to, 1, std::string(random() % 300, 'x'));
        write_message(to, 2, "y");
        for (int i = 0; i < 3; ++i) shared.bytes[random() % 400] = static_cast<std::byte>(random());
        if (random() % 4 == 0) shared.ends.tail = random();
        reader from(shared.memory());
        from.writer_lives = false;
        try {
            piece first;
            auto found = from.look(first);
            while (found == reader::waiting::whole || found == reader::waiting::part) {
                from.open(found);
                char bytes[64];
                for (std::size_t left = from.left(); left > 0 && left < 5000; left = from.left())
                    from.read(bytes, left < sizeof bytes ? left : sizeof bytes);
                from.skip_rest();
                found = from.look(first);
            }
            nonsense += found == reader::waiting::nonsense;
        } catch (const std::runtime_error&) {
            ++nonsense;
        }
    }
    CHECK(nonsense > 1000);
}
