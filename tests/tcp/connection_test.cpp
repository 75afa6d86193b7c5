#include <sys/socket.h>
#include <fanout/tcp/connection.hpp>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"

using namespace fanout::detail;

namespace {

class counting_driver final : public connection_driver {
public:
    std::atomic<int> news = 0;
    std::function<void()> when_asked_whether_asleep;  // by who wants to send by himself

private:
    void has_news(connection&) noexcept override { ++news; }
    bool is_asleep() const noexcept override {
        if (when_asked_whether_asleep) when_asked_whether_asleep();
        return static_cast<bool>(when_asked_whether_asleep);
    }
};

/// Both ends of a connection, driven by one thread.
struct both_ends {
    explicit both_ends(security_mode security = security_mode::tls, bool same_key = true) {
        int ends[2];
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
        conversation talk;
        talk.security = security;
        talk.key = secret_key::fresh();
        talk.mine = role::coordinator;
        here = std::make_shared<connection>(descriptor(ends[0]), talk, driver, clock::now());
        talk.mine = role::worker;
        if (!same_key) talk.key = secret_key::fresh();
        there = std::make_shared<connection>(descriptor(ends[1]), talk, driver, clock::now());
    }

    void drive(int rounds = 200) {
        for (int i = 0; i < rounds; ++i) {
            for (const bool first : {true, false}) {
                connection& each = first ? *here : *there;
                std::vector<frame>& got = first ? got_here : got_there;
                const auto use = [&](frame it) { got.push_back(std::move(it)); };
                each.use_rest(clock::now(), use, [] {});
                each.receive(clock::now(), use, [] {});
                each.note_deaf(each.is_deaf(), clock::now());
                each.transmit(clock::now());
            }
        }
    }

    counting_driver driver;
    std::shared_ptr<connection> here, there;
    std::vector<frame> got_here, got_there;
};

std::string whole(const std::vector<frame>& frames) {
    std::string all;
    for (const frame& each : frames) all += each.payload;
    return all;
}

}  // namespace

TEST_CASE("frames go both ways, in plain TCP and in TLS") {
    for (const security_mode security : {security_mode::plain, security_mode::tls}) {
        both_ends ends(security);
        ends.here->send(frame_type::tasks, 7, "seven");
        CHECK(ends.driver.news == 1);
        ends.drive(10);
        CHECK(ends.here->is_established());
        CHECK(ends.there->is_established());
        ends.there->send(frame_type::hello, 0, "hello");
        ends.drive(10);
        REQUIRE(ends.got_there.size() == 1);
        CHECK(ends.got_there[0].stream == 7);
        CHECK(ends.got_there[0].payload == "seven");
        CHECK(ends.got_there[0].last);
        CHECK(whole(ends.got_here) == "hello");
    }
}

TEST_CASE("long messages arrive in frames, and a ping overtakes them") {
    both_ends ends;
    ends.there->send(frame_type::hello, 0, "hello");  // before that only short frames are accepted
    ends.here->send(frame_type::welcome, 0, "hello");
    ends.drive(10);
    std::string payload(3'000'000, '\0');
    for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>(i >> 8);
    ends.here->send(frame_type::tasks, 1, payload);
    ends.here->transmit(clock::now());
    ends.here->send(frame_type::ping, 0, {});
    ends.drive();
    std::string got;
    std::size_t ping_at = 0;
    for (std::size_t i = 1; i < ends.got_there.size(); ++i) {
        const frame& each = ends.got_there[i];
        if (each.type == frame_type::ping) {
            ping_at = i;
            continue;
        }
        CHECK(each.payload.size() <= frame::longest);
        got += each.payload;
        CHECK(each.last == (got.size() == payload.size()));
    }
    CHECK(got == payload);
    CHECK(ping_at > 0);
    CHECK(ping_at + 1 < ends.got_there.size());
}

TEST_CASE("short messages, long ones and those with a rest arrive as they were sent, however many are waiting") {
    both_ends ends;
    ends.there->send(frame_type::hello, 0, "hello");  // before that only short frames are accepted
    ends.here->send(frame_type::welcome, 0, "hello");
    ends.drive(10);
    const auto rest = std::make_shared<const std::string>(100'000, 'r');
    const auto payload_of = [](std::size_t i) {
        const std::size_t sizes[] = {0, 1, 40, 1024, 1025, 40, 20'000, 40, 40};
        return std::string(sizes[i % 9], static_cast<char>('a' + i % 26));
    };
    const auto has_rest = [](std::size_t i) { return i % 50 == 49; };
    constexpr std::size_t most = 3'000;
    for (std::size_t i = 0; i < most; ++i) {
        frame what{frame_type::tasks, i % 3 != 0, i % 5 == 0, i % 7 == 0, i, payload_of(i)};
        if (has_rest(i)) what.last = true;
        ends.here->send(std::move(what), haste::by_driver, has_rest(i) ? rest : nullptr);
        if (i % 100 == 17) ends.here->transmit(clock::now());  // others are sent while these are on their way
        if (i % 700 == 17) ends.drive(5);
    }
    ends.drive(400);
    auto next = ends.got_there.begin() + 1;
    for (std::size_t i = 0; i < most; ++i) {
        REQUIRE(next != ends.got_there.end());
        frame got = *next++;
        if (next != ends.got_there.end() &&
            next->stream == i) {  // what comes behind a payload may be a part of its own
            CHECK(has_rest(i));
            CHECK_FALSE(got.last);
            CHECK(next->continues);
            got.payload += next->payload;
            got.last = next++->last;
        }
        CHECK(got.stream == i);
        CHECK(got.payload == payload_of(i) + (has_rest(i) ? *rest : ""));
        CHECK(got.last == (has_rest(i) || i % 3 != 0));
        CHECK(got.abandoned == (i % 5 == 0));
        CHECK(got.continues == (i % 7 == 0));
    }
    CHECK(next == ends.got_there.end());
}

TEST_CASE("who does not use what he has received hears no more until he does") {
    both_ends ends;
    ends.there->send(frame_type::hello, 0, "hello");
    ends.drive(10);
    const std::string payload(40 << 20, 'x');
    ends.there->send(frame_type::result, 1, payload);
    ends.drive();
    CHECK(ends.here->is_deaf());
    std::size_t got = whole(ends.got_here).size();
    CHECK(got < (20u << 20));
    CHECK(ends.here->has_rest());
    const int news = ends.driver.news;
    for (int round = 0; round < 10 && got < payload.size() + 5; ++round) {
        ends.here->has_used(whole(ends.got_here).size());
        ends.got_here.clear();
        ends.drive(400);
        got += whole(ends.got_here).size();
    }
    CHECK(got == payload.size() + 5);
    CHECK(!ends.here->has_rest());
    CHECK(ends.driver.news > news);
}

TEST_CASE("while much of others waits to be used, everybody may send a little") {
    both_ends ends;
    ends.there->send(frame_type::hello, 0, "hello");
    ends.drive(10);
    const std::size_t of_others = 1u << 30;
    ends.driver.unused += of_others;
    const std::string payload(4 << 20, 'x');
    ends.there->send(frame_type::result, 1, payload);
    ends.drive();
    CHECK(ends.here->is_deaf());
    std::size_t got = whole(ends.got_here).size();
    CHECK(got < (1u << 20));
    const int news = ends.driver.news;
    ends.here->has_used(got);
    CHECK(ends.driver.news > news);
    ends.got_here.clear();
    ends.driver.unused -= of_others;
    ends.drive(400);
    got += whole(ends.got_here).size();
    CHECK(got == payload.size() + 5);
    ends.here->has_used(whole(ends.got_here).size());
    CHECK(ends.driver.unused == 0);
}

TEST_CASE("another key ends the conversation") {
    both_ends ends(security_mode::tls, false);
    CHECK_THROWS_AS(ends.drive(10), key_mismatch);
}

TEST_CASE("the end of one side is the end of the other, and who waits for room is told") {
    both_ends ends;
    ends.drive(10);
    ends.there->close();
    CHECK(!ends.here->receive(clock::now(), [](const frame&) {}, [] {}));
    // More than may wait to be sent, which nobody takes.
    both_ends stuck;
    stuck.here->send(frame_type::tasks, 1, std::string(10 << 20, 'x'));
    bool sent = true;
    std::thread sender(
        [&] { sent = stuck.here->send_when_there_is_room({frame_type::tasks, true, false, false, 2, "more"}); });
    stuck.here->close();
    sender.join();
    CHECK(!sent);
}

TEST_CASE("who is to wait no more for room is refused, and so is the rest of his message") {
    both_ends ends;
    ends.drive(10);
    const frame part{frame_type::result, false, false, false, 1, "part"};
    CHECK(ends.here->send_when_there_is_room(part));
    ends.here->send(frame_type::tasks, 1, std::string(10 << 20, 'x'));
    bool sent = true;
    std::thread sender([&] { sent = ends.here->send_when_there_is_room(part); });
    ends.here->wait_no_more();
    sender.join();
    CHECK(!sent);
    ends.drive(400);  // there is room again
    CHECK(!ends.here->send_when_there_is_room(part));
    ends.drive(10);
    CHECK(whole(ends.got_there).size() == 4 + (10u << 20));
}

TEST_CASE("a connection is closed when everything has been sent") {
    both_ends ends;
    ends.drive(10);
    ends.here->send(frame_type::reject, 0, "no");
    ends.here->close_when_sent();
    CHECK(!ends.here->is_to_be_closed());
    ends.drive(2);
    CHECK(ends.here->is_to_be_closed());
    CHECK(whole(ends.got_there) == "no");
}

TEST_CASE("what was left to be sent does not go to who has the number of a socket that is closed meanwhile") {
    both_ends ends(security_mode::plain);
    ends.drive(10);
    REQUIRE(ends.here->is_established());
    for (int i = 0; i < 4; ++i) ends.here->send(frame_type::tasks, 1, std::string(200'000, 'A'));
    REQUIRE(ends.here->transmit(clock::now()));  // more than a socket takes
    const int number = ends.here->number();
    int others[2] = {-1, -1};
    ends.driver.when_asked_whether_asleep = [&] {
        if (others[0] >= 0) return;
        ends.here->close();
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, others) == 0);
    };
    ends.here->send(frame_type::tasks, 2, "B", haste::at_once);
    REQUIRE(others[0] == number);
    char byte;
    CHECK(recv(others[1], &byte, 1, MSG_DONTWAIT) == -1);
    for (const int each : others) ::close(each);
}
