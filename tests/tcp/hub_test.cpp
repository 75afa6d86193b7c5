#include <fanout/tcp/hub.hpp>

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "catch.hpp"
#include "support/becomes_true.hpp"

using namespace fanout::detail;
using namespace std::chrono_literals;

namespace {

/// Uses nothing of what it receives.
class lazy_owner final : hub_owner {
public:
    explicit lazy_owner(descriptor socket) : hub_(*this) {
        conversation talk;
        talk.mine = role::worker;
        talk.security = security_mode::plain;
        wire_ = hub_.add(std::move(socket), talk);
        hub_.start();
    }

    connection& wire() { return *wire_; }
    bool is_established() const { return established_; }
    bool is_deaf() const { return wire_->is_deaf(); }
    void stop(clock::duration longest) { hub_.stop(hub::goodbye::when_arrived, longest); }
    void help() { hub_.help(); }

    /// Messages, whose streams have to be 0, 1, 2, ...
    std::uint64_t received() const { return received_; }
    bool in_order() const { return in_order_; }
    std::uint64_t received_by_helper() const { return received_by_helper_; }

private:
    void established(const std::shared_ptr<connection>&) override { established_ = true; }
    void received(const std::shared_ptr<connection>&, frame got) override {
        if (got.stream != received_) in_order_ = false;
        if (std::this_thread::get_id() == helper_) ++received_by_helper_;
        ++received_;
    }
    void closed(const std::shared_ptr<connection>&, const std::string&, bool) override {}
    void tick(clock::time_point) override {}

    const std::thread::id helper_ = std::this_thread::get_id();
    std::atomic<bool> established_ = false;
    std::atomic<std::uint64_t> received_ = 0;
    std::uint64_t received_by_helper_ = 0;
    std::atomic<bool> in_order_ = true;
    std::shared_ptr<connection> wire_;
    hub hub_;
};

/// Two ends of a TCP connection that holds little on its way.
std::pair<descriptor, descriptor> narrow_connection() {
    descriptor listener(socket(AF_INET, SOCK_STREAM, 0));
    descriptor one(socket(AF_INET, SOCK_STREAM, 0));
    // Both ends, of which one gets it from the listener: the kernel would let them grow, to 32 MB on a busy machine.
    const int small = 16 << 10;
    for (const int room : {SO_RCVBUF, SO_SNDBUF})
        for (const int each : {listener.number(), one.number()})
            setsockopt(each, SOL_SOCKET, room, &small, sizeof small);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof at;
    REQUIRE(bind(listener.number(), reinterpret_cast<sockaddr*>(&at), length) == 0);
    REQUIRE(listen(listener.number(), 1) == 0);
    REQUIRE(getsockname(listener.number(), reinterpret_cast<sockaddr*>(&at), &length) == 0);
    REQUIRE(connect(one.number(), reinterpret_cast<const sockaddr*>(&at), length) == 0);
    descriptor other(accept(listener.number(), nullptr, nullptr));
    REQUIRE(other);
    return {std::move(one), std::move(other)};
}

/// The other end, as a coordinator that reads only when it is told to.
class slow_reader final : public connection_driver {
public:
    explicit slow_reader(descriptor socket) {
        conversation talk;
        talk.mine = role::coordinator;
        talk.security = security_mode::plain;
        wire_ = std::make_shared<connection>(std::move(socket), talk, *this, clock::now());
    }

    connection& wire() { return *wire_; }

    /// What has come until now; `open` is false once the other side has closed.
    std::string read(bool& open) {
        std::string got;
        const auto use = [&](frame it) {
            got += it.payload;
            wire_->has_used(it.payload.size());
        };
        open = wire_->receive(clock::now(), use, [] {});
        return got;
    }
    bool send() { return wire_->transmit(clock::now()); }

private:
    void has_news(connection&) noexcept override {}

    std::shared_ptr<connection> wire_;
};

/// Of one connection, established.
struct both_ends {
    both_ends() {
        CHECK(becomes_true([&] {
            reader.send();
            reader.read(open);
            return leaving.is_established();
        }));
    }

    std::pair<descriptor, descriptor> sockets = narrow_connection();
    lazy_owner leaving{std::move(sockets.first)};
    slow_reader reader{std::move(sockets.second)};
    bool open = true;
};

}  // namespace

TEST_CASE_METHOD(both_ends, "who waits awake may take in what has come, and all of it is taken in once") {
    std::uint64_t sent = 0;
    CHECK(becomes_true([&] {
        reader.wire().send(frame_type::tasks, sent++, "one more");
        reader.send();
        while (leaving.received() < sent) leaving.help();
        return leaving.received_by_helper() > 0 && sent >= 100;
    }));
    CHECK(leaving.received() == sent);
    CHECK(leaving.in_order());
}

TEST_CASE_METHOD(both_ends, "what has been said last arrives, whoever does not listen to whom") {
    // More than it takes in from who has not used anything, so that a part stays unread in its socket.
    reader.wire().send(frame_type::welcome, 0, "short, as the first has to be");
    const std::string unheard(24 << 20, 'u');
    reader.wire().send(frame_type::tasks, 1, unheard);
    CHECK(becomes_true([&] {
        const bool stuck = reader.send();
        return stuck && leaving.is_deaf();
    }));

    leaving.wire().send(frame_type::hello, 0, "hello");
    const std::string last_words(1 << 20, 'w');
    leaving.wire().send(frame_type::result, 1, last_words);
    std::jthread goes([&] { leaving.stop(20s); });
    std::string got;
    while (open) {
        usleep(2000);
        got += reader.read(open);
    }
    CHECK(got.size() == 5 + last_words.size());
    reader.wire().close();
    goes.join();
}

TEST_CASE_METHOD(both_ends, "who takes nothing in is waited for only so long") {
    leaving.wire().send(frame_type::hello, 0, std::string(24 << 20, 'w'));
    const auto begun = clock::now();
    leaving.stop(100ms);
    CHECK(clock::now() - begun >= 100ms);
    CHECK(clock::now() - begun < 5s);
}

TEST_CASE_METHOD(both_ends, "the end of a connection arrives, also while a forked child has it too") {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const pid_t child = fork();
    if (child == 0) {
        close(ends[1]);
        char nothing = 0;
        static_cast<void>(!read(ends[0], &nothing, 1));
        _exit(0);
    }
    leaving.stop(20s);
    CHECK(becomes_true([&] {
        reader.read(open);
        return !open;
    }));
    close(ends[0]);
    close(ends[1]);
    waitpid(child, nullptr, 0);
}
