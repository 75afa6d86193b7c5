#include <fanout/serialize/decode_error.hpp>
#include <fanout/tcp/run_inbox.hpp>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/lonely_connection.hpp"

using namespace fanout::detail;

namespace {

silent_driver driver;

/// A worker that says nothing by itself.
std::shared_ptr<peer> silent_peer(std::uint64_t number = 0) {
    auto made = std::make_shared<peer>();
    made->number = number;
    made->wire = lonely_connection(driver);
    return made;
}

run_event frame_of(const std::shared_ptr<peer>& from, std::uint64_t stream, std::string payload, bool last = true,
                   bool abandoned = false) {
    return {run_event::what::frame, from, {frame_type::result, last, abandoned, false, stream, std::move(payload)}};
}

/// The call that reads.
class some_call final : public fanout::job {
public:
    some_call() : job(std::nullopt, std::nullopt) {}
    void end() { stopping_ = true; }

    fanout::task_range claim(std::size_t) noexcept override { return {}; }
    std::size_t unclaimed() const noexcept override { return 0; }
    void run(fanout::task_range, int) noexcept override {}
    void when_stopping(void (*)(void*), void*) noexcept override {}
};

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
    inbox.put({run_event::what::joined, one, {}});
    inbox.put(frame_of(one, 1, "first"));
    CHECK(inbox.take()->kind == run_event::what::joined);
    CHECK(inbox.take()->got.payload == "first");
    CHECK(!inbox.take());
}

TEST_CASE("who sleeps is woken by an event, or by the bell, or when the time is up") {
    run_inbox inbox;
    const auto one = silent_peer();
    inbox.sleep(std::chrono::milliseconds(1));
    std::thread other([&] { inbox.put({run_event::what::joined, one, {}}); });
    while (!inbox.take()) inbox.sleep(std::chrono::minutes(1));
    other.join();
    std::thread third([&] { inbox.ringing().ring(); });
    inbox.sleep(std::chrono::minutes(1));
    third.join();
    inbox.put({run_event::what::joined, one, {}});
    inbox.sleep(std::chrono::minutes(1));  // there is something already
}

TEST_CASE("a message is read while it arrives, and others stay where they are") {
    run_inbox inbox;
    const auto one = silent_peer(1), two = silent_peer(2);
    inbox.put(frame_of(two, 5, "of another"));
    inbox.put(frame_of(one, 6, "another stream"));
    run_event of_another_type = frame_of(one, 5, "printed");
    of_another_type.got.type = frame_type::output;
    inbox.put(std::move(of_another_type));
    const some_call call;
    arriving_message message(call, inbox, one, frame_of(one, 5, "--abc", false).got, 2);
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
    CHECK(inbox.take()->got.payload == "printed");
}

TEST_CASE("a message that is taken back, or whose worker is lost, is no message") {
    run_inbox inbox;
    const auto one = silent_peer();
    some_call call;
    {
        arriving_message message(call, inbox, one, frame_of(one, 5, "ab", false).got, 0);
        inbox.put(frame_of(one, 5, "", true, true));
        CHECK_THROWS_AS(read(message, 3), fanout::decode_error);
        CHECK(message.broken() == arriving_message::end::abandoned);
        CHECK(!message.skip_rest());
    }
    {
        arriving_message message(call, inbox, one, frame_of(one, 5, "ab", false).got, 0);
        inbox.put({run_event::what::lost, one, {.payload = "gone"}});
        CHECK(!message.skip_rest());
        CHECK(!message.skip_rest());
        CHECK(message.broken() == arriving_message::end::worker_lost);
    }
    CHECK(inbox.take()->kind == run_event::what::lost);
    {
        // Nobody waits for a worker that says nothing more when the call is to end.
        arriving_message message(call, inbox, one, frame_of(one, 5, "ab", false).got, 0);
        std::thread other([&] {
            call.end();
            inbox.ringing().ring();
        });
        CHECK_THROWS_AS(read(message, 3), fanout::decode_error);
        CHECK(message.broken() == arriving_message::end::abandoned);
        other.join();
    }
}

TEST_CASE("the parts of a result are kept back until all have come: others are not held up by it") {
    run_inbox inbox;
    const auto one = silent_peer(1), two = silent_peer(2);
    inbox.put(frame_of(one, 5, "ab", false));
    inbox.put(frame_of(two, 5, "of another"));
    inbox.put(frame_of(one, 6, "cd", false));
    inbox.put(frame_of(one, 5, "ef", false));
    CHECK(inbox.take()->got.payload == "of another");
    CHECK(!inbox.take());
    std::thread later([&] {
        inbox.put(frame_of(one, 5, "g"));
        inbox.put(frame_of(one, 6, "h"));
        inbox.put(frame_of(one, 5, "the next of this number"));
    });
    std::optional<run_event> first;
    while (!(first = inbox.take())) inbox.sleep(std::chrono::minutes(1));
    later.join();
    const some_call call;
    {
        arriving_message message(call, inbox, one, std::move(first->got), 0);
        CHECK(read(message, 5) == "abefg");
    }
    {
        arriving_message message(call, inbox, one, inbox.take()->got, 0);
        CHECK(read(message, 3) == "cdh");
    }
    CHECK(inbox.take()->got.payload == "the next of this number");
}

TEST_CASE("what is too long to be kept back is read while it arrives") {
    run_inbox inbox;
    const auto one = silent_peer(1);
    const std::string part(1 << 20, 'p');
    for (int i = 0; i < 7; ++i) inbox.put(frame_of(one, 5, part, false));
    CHECK(!inbox.take());
    inbox.put(frame_of(one, 5, part, false));
    std::optional<run_event> first = inbox.take();
    REQUIRE(first);
    const some_call call;
    arriving_message message(call, inbox, one, std::move(first->got), 0);
    CHECK(read(message, 8 << 20).size() == 8 << 20);
    inbox.put(frame_of(one, 5, "next", false));
    CHECK(read(message, 4) == "next");
    inbox.put(frame_of(one, 5, "last"));
    CHECK(read(message, 4) == "last");
    CHECK(message.left() == 0);
}

TEST_CASE("not too many results are kept back at once") {
    run_inbox inbox;
    std::vector<std::shared_ptr<peer>> all;
    const std::string part(1 << 20, 'p');
    for (std::uint64_t i = 0; i < 24; ++i) {
        CHECK(!inbox.take());
        all.push_back(silent_peer(i));
        inbox.put(frame_of(all.back(), 5, part, false));
    }
    REQUIRE(inbox.take()->from == all.back());
    CHECK(!inbox.take());
    inbox.put(frame_of(all.back(), 5, part));  // the rest of that one
    CHECK(inbox.take()->got.last);
    inbox.put(frame_of(all[0], 6, part, false));  // there is as little room as before
    CHECK(inbox.take());
}

TEST_CASE("of a worker that is lost, and of a call that ends, no part is kept") {
    const std::string part(1 << 20, 'p');
    const auto one = silent_peer(1), two = silent_peer(2);
    const auto put = [&](run_inbox& inbox, const std::shared_ptr<peer>& from) {
        driver.unused += part.size();
        inbox.put(frame_of(from, 5, part, false));
    };
    driver.unused = 0;
    {
        run_inbox inbox;
        put(inbox, one);
        put(inbox, two);
        inbox.put({run_event::what::lost, one, {.payload = "gone"}});
        CHECK(driver.unused == part.size());
        CHECK(inbox.take()->kind == run_event::what::lost);
        CHECK(!inbox.take());
        inbox.put(frame_of(two, 5, "all"));
        CHECK(inbox.take()->got.payload == part);
    }
    driver.unused = 0;
    {
        run_inbox inbox;
        put(inbox, two);
    }
    CHECK(driver.unused == 0);
}

TEST_CASE("what is left of a message that an earlier call did not wait for is no message") {
    run_inbox inbox;
    const auto one = silent_peer(1);
    const auto rest = [&](bool last) {
        run_event part = frame_of(one, 0, "part", last);
        part.got.continues = true;
        driver.unused += 4;
        inbox.put(std::move(part));
    };
    driver.unused = 0;
    rest(false);
    rest(true);
    CHECK(!inbox.take());
    CHECK(driver.unused == 0);
    inbox.put(frame_of(one, 0, "new"));
    CHECK(inbox.take()->got.payload == "new");
}
