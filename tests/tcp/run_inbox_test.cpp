#include <sys/socket.h>
#include <fanout/serialize/decode_error.hpp>
#include <fanout/tcp/run_inbox.hpp>

#include <memory>
#include <string>
#include <thread>

#include "catch.hpp"

using namespace fanout::detail;

namespace {

class deaf_driver final : public connection_driver {
    void has_news(connection&) noexcept override {}
};

/// A worker that says nothing by itself.
std::shared_ptr<peer> silent_peer() {
    static deaf_driver driver;
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    const descriptor other(ends[1]);
    auto made = std::make_shared<peer>();
    made->wire = std::make_shared<connection>(descriptor(ends[0]), conversation(), driver, clock::now());
    return made;
}

run_event frame_of(const std::shared_ptr<peer>& from, std::uint64_t stream, std::string payload, bool last = true,
                   bool abandoned = false) {
    return {run_event::what::frame, from, {frame_type::result, last, abandoned, stream, std::move(payload)}, {}};
}

std::string read(arriving_message& from, std::size_t size) {
    std::string text(size, '\0');
    from.read(text.data(), size);
    return text;
}

}  // namespace

TEST_CASE("events are taken in the order in which they were put") {
    run_inbox inbox;
    const auto one = silent_peer();
    CHECK(!inbox.take());
    inbox.put({run_event::what::joined, one, {}, {}});
    inbox.put(frame_of(one, 1, "first"));
    CHECK(inbox.take()->kind == run_event::what::joined);
    CHECK(inbox.take()->got.payload == "first");
    CHECK(!inbox.take());
}

TEST_CASE("who sleeps is woken by an event, or by the bell, or when the time is up") {
    run_inbox inbox;
    const auto one = silent_peer();
    inbox.sleep(std::chrono::milliseconds(1));
    std::thread other([&] { inbox.put({run_event::what::joined, one, {}, {}}); });
    while (!inbox.take()) inbox.sleep(std::chrono::minutes(1));
    other.join();
    std::thread third([&] { inbox.ringing().ring(); });
    inbox.sleep(std::chrono::minutes(1));
    third.join();
    inbox.put({run_event::what::joined, one, {}, {}});
    inbox.sleep(std::chrono::minutes(1));  // there is something already
}

TEST_CASE("a message is read while it arrives, and others stay where they are") {
    run_inbox inbox;
    const auto one = silent_peer(), two = silent_peer();
    inbox.put(frame_of(two, 5, "of another"));
    inbox.put(frame_of(one, 6, "another stream"));
    arriving_message message(inbox, one, frame_of(one, 5, "--abc", false).got, 2);
    CHECK(read(message, 2) == "ab");
    CHECK(message.left() == static_cast<std::size_t>(-1));
    std::thread later([&] {
        inbox.put(frame_of(one, 5, "def", false));
        inbox.put(frame_of(one, 5, "g"));
    });
    CHECK(read(message, 5) == "cdefg");
    later.join();
    CHECK(message.left() == 0);
    CHECK_THROWS_AS(read(message, 1), fanout::decode_error);
    CHECK(message.skip_rest());
    CHECK(inbox.take()->got.payload == "of another");
    CHECK(inbox.take()->got.payload == "another stream");
}

TEST_CASE("a message that is taken back, or whose worker is lost, is no message") {
    run_inbox inbox;
    const auto one = silent_peer();
    {
        arriving_message message(inbox, one, frame_of(one, 5, "ab", false).got, 0);
        inbox.put(frame_of(one, 5, "", true, true));
        CHECK_THROWS_AS(read(message, 3), fanout::decode_error);
        CHECK(message.broken() == arriving_message::end::abandoned);
        CHECK(!message.skip_rest());
    }
    {
        arriving_message message(inbox, one, frame_of(one, 5, "ab", false).got, 0);
        inbox.put({run_event::what::lost, one, {}, "gone"});
        CHECK(!message.skip_rest());
        CHECK(message.broken() == arriving_message::end::worker_lost);
    }
    CHECK(inbox.take()->kind == run_event::what::lost);
}
