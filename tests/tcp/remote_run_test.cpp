// Calls whose workers, slots or coordinators die at any moment.
#include <fanout/tcp/remote_run.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/fake_peer.hpp"
#include "support/killer.hpp"
#include "support/tests_with_workers.hpp"

using namespace fanout;
using namespace std::chrono_literals;

/// Says that it is being read, and has no end.
struct endless {
    int x = 0;
};
template <>
struct fanout::codec<endless> {
    static void write(writer& to, const endless& it) { to(it.x); }
    static endless read(reader&) {
        static_cast<void>(!::write(1, "!", 1));
        for (;;) pause();
    }
};
struct with_endless {
    endless it;
    int operator()(int i) const { return it.x + i; }
};

static double half(int i) { return i / 2.0; }

/// A call in a thread of its own, whose workers are played by the test.
class played_call {
public:
    explicit played_call(int tasks, int retries = 2) {
        {
            const detail::descriptor free = detail::listen_at({"127.0.0.1", "0"}, true);
            at_ = detail::address{"127.0.0.1", detail::port_of(free)};
        }
        caller_ = std::jthread([this, tasks, retries] {
            const tcp how{.workers = external{.quiet = true}, .retries = retries, .listen = at_.text(), .plain = true};
            outcomes_ = parallel(1, how).outcomes(delayed(half), std::views::iota(0, tasks));
        });
    }

    std::unique_ptr<fake_peer> worker(const std::string& host = "fake") const {
        for (;;) {
            try {
                auto comes = std::make_unique<fake_peer>(at_);
                REQUIRE(comes->introduce(nullptr));
                comes->say_hello(detail::own_identity(), 1, host);
                REQUIRE(comes->receive()->type == detail::frame_type::welcome);
                return comes;
            } catch (const std::runtime_error&) {  // it does not listen yet
                std::this_thread::sleep_for(1ms);
            }
        }
    }

    /// The next chunk that this worker is sent; empty if the next message is that it can go.
    static std::optional<detail::chunk_header> chunk_for(fake_peer& worker) {
        for (;;) {
            const auto next = worker.receive();
            REQUIRE(next);
            if (next->type == detail::frame_type::shutdown) return std::nullopt;
            if (next->type != detail::frame_type::tasks) continue;
            detail::chunk_header header;
            std::size_t at = 0;
            REQUIRE(detail::take_raw(next->payload, at, header));
            return header;
        }
    }

    /// Results of one task with this value, and of several with the right ones.
    static void answer(fake_peer& worker, const detail::chunk_header& chunk, double value) {
        detail::result_header header;
        header.run = chunk.run;
        header.first = chunk.first;
        std::string payload;
        if (chunk.count > 1) header.kind = detail::result_header::what::several;
        detail::append_raw(payload, header);
        for (std::uint64_t i = chunk.first; i < chunk.first + chunk.count; ++i) {
            if (chunk.count > 1) {
                detail::append_raw(payload, std::uint8_t{0});
                detail::append_raw(payload, std::uint64_t{sizeof(double)});
                value = half(static_cast<int>(i));
            }
            detail::append_raw(payload, value);
        }
        detail::append_raw(payload, std::int64_t{1'000'000'000});
        worker.send(detail::frame_type::result, chunk.first, payload);
    }
    static void answer(fake_peer& worker, const detail::chunk_header& chunk) {
        answer(worker, chunk, half(static_cast<int>(chunk.first)));
    }

    std::vector<outcome<double>> outcomes() {
        caller_.join();
        return std::move(outcomes_);
    }

private:
    detail::address at_;
    std::vector<outcome<double>> outcomes_;
    std::jthread caller_;
};

TEST_CASE("results that come twice, too late, or from who was not asked, count once or not at all") {
    played_call call(3);
    auto first = call.worker();
    const auto lost = call.chunk_for(*first);
    REQUIRE(lost);
    first.reset();  // it is cut off, and comes back with what it has done meanwhile

    const auto second = call.worker();
    const auto again = call.chunk_for(*second);
    REQUIRE(again);
    const auto back = call.worker();
    call.answer(*back, *lost, 1000);  // which it was not asked for
    while (std::optional<detail::chunk_header> chunk = call.chunk_for(*back)) {
        detail::chunk_header of_another_call = *chunk;
        ++of_another_call.run;
        call.answer(*back, of_another_call, 3000);
        call.answer(*back, *chunk);
        call.answer(*back, *chunk, 2000);
        call.answer(*back, of_another_call, 3000);
        if (chunk->first == 2) break;
    }
    call.answer(*second, *again);
    call.answer(*second, *again, 4000);
    std::vector<double> values;
    for (const auto& each : call.outcomes()) values.push_back(each.value());
    CHECK(values == std::vector{0.0, 0.5, 1.0});
}

TEST_CASE("in the tail a full worker is asked for what it has not begun, and somebody else does it") {
    played_call call(3);
    const auto full = call.worker();
    const auto first = call.chunk_for(*full);
    const auto second = call.chunk_for(*full);  // sent ahead
    REQUIRE((first && second));
    const auto idle = call.worker();
    const auto third = call.chunk_for(*idle);
    REQUIRE(third);
    call.answer(*idle, *third);
    for (auto next = full->receive();; next = full->receive()) {
        REQUIRE(next);
        if (next->type == detail::frame_type::revoke) break;
    }
    full->send(detail::frame_type::revoked, 0, detail::packed(detail::revoked_message{second->run, second->first}));
    const auto moved = call.chunk_for(*idle);
    REQUIRE(moved);
    CHECK(moved->first == second->first);
    CHECK(moved->attempts == 0);
    call.answer(*full, *second, 1000);  // it has begun it all the same, which does not count
    call.answer(*idle, *moved);
    call.answer(*full, *first);
    std::vector<double> values;
    for (const auto& each : call.outcomes()) values.push_back(each.value());
    CHECK(values == std::vector{0.0, 0.5, 1.0});
}

TEST_CASE("a machine whose workers keep dying gets nothing more as long as there is another") {
    played_call call(5, 100);
    for (int i = 0; i < 3; ++i) {
        const auto dies = call.worker("bad");
        CHECK(call.chunk_for(*dies));
    }
    const auto good = call.worker("good");
    auto chunk = call.chunk_for(*good);
    const auto bad = call.worker("bad");
    for (; chunk; chunk = call.chunk_for(*good)) call.answer(*good, *chunk);
    CHECK(!call.chunk_for(*bad));
    for (const auto& each : call.outcomes()) CHECK(each.has_value());
}

static std::uint64_t mixed(std::uint64_t x) {
    x = (x ^ x >> 30) * 0xbf58'476d'1ce4'e5b9;
    x = (x ^ x >> 27) * 0x94d0'49bb'1331'11eb;
    return x ^ x >> 31;
}

/// In a worker process: kills it now and then, but not in the same task for ever.
static void die_now_and_then(int i) {
    static unsigned calls = 0;
    if (mixed(static_cast<std::uint64_t>(i) * 1000 + static_cast<std::uint64_t>(getpid()) + ++calls) % 300 == 0)
        raise(SIGKILL);
}

TEST_CASE("slots that die by the dozen lose and double nothing") {
    const auto results = parallel(2, tcp{.retries = 1000})(delayed([](int i) {
                                                               die_now_and_then(i);
                                                               return i * 3L;
                                                           }),
                                                           std::views::iota(0, 10'000));
    REQUIRE(results.size() == 10'000);
    for (int i = 0; i < 10'000; ++i) REQUIRE(results[static_cast<std::size_t>(i)] == i * 3L);
}

/// In us. On a slow machine, or with a sanitizer, workers take longer to start: who dies as soon as he has come does
/// nothing.
static int longest_between_kills() {
    const auto begun = std::chrono::steady_clock::now();
    parallel(3, tcp{})(delayed([](int i) { return i; }), std::views::iota(0, 3));
    const std::chrono::duration<double, std::micro> start = std::chrono::steady_clock::now() - begun;
    return std::max(40'000, static_cast<int>(start.count() / 2));
}

TEST_CASE("workers that die by the dozen lose and double nothing") {
    const int longest = longest_between_kills();
    const auto cluster = parallel(3, tcp{.retries = 1000});
    int kills = 0;
    for (unsigned seed = 1; seed <= 3; ++seed) {
        const killer kills_workers(seed, longest, killer::victims::rarely_beginners);
        const auto results = cluster(delayed([](int i) {
                                         usleep(200);
                                         return std::to_string(i);
                                     }),
                                     std::views::iota(0, 3'000));
        REQUIRE(results.size() == 3'000);
        for (int i = 0; i < 3'000; ++i) REQUIRE(results[static_cast<std::size_t>(i)] == std::to_string(i));
        kills += kills_workers.kills();
    }
    CHECK(kills > 5);
}

TEST_CASE("of ten thousand tasks none is lost and none is doubled while slots and workers die at random moments") {
    const killer kills_workers(17, longest_between_kills(), killer::victims::rarely_beginners);
    const auto results = parallel(3, tcp{.retries = 1000})(delayed([](int i) {
                                                               die_now_and_then(i);
                                                               usleep(50);
                                                               return std::to_string(i);
                                                           }),
                                                           std::views::iota(0, 10'000));
    REQUIRE(results.size() == 10'000);
    for (int i = 0; i < 10'000; ++i) REQUIRE(results[static_cast<std::size_t>(i)] == std::to_string(i));
    CHECK(kills_workers.kills() > 3);
}

TEST_CASE("when the coordinator is killed its local workers die with it, and their slots") {
    prctl(PR_SET_CHILD_SUBREAPER, 1);  // orphans come to us, so that they can be waited for
    struct {
        char text[64] = {};
    } path;  // of a pipe that the slots have open, and nobody else
    std::snprintf(path.text, sizeof path.text, "/tmp/fanout-test-fifo-%d", int(getpid()));
    for (int round = 0; round < 3; ++round) {
        int ends[2];
        REQUIRE(pipe(ends) == 0);
        REQUIRE(mkfifo(path.text, 0600) == 0);
        const pid_t coordinator = fork();
        if (coordinator == 0) {
            setpgid(0, 0);
            dup2(ends[1], 1);  // which workers have too
            parallel(2, tcp{})(delayed([path](int) {
                                   static_cast<void>(!write(open(path.text, O_WRONLY), "!", 1));
                                   std::this_thread::sleep_for(100s);
                               }),
                               std::views::iota(0, 2));
            _exit(0);
        }
        setpgid(coordinator, coordinator);
        close(ends[1]);
        const detail::descriptor slots(open(path.text, O_RDONLY | O_CLOEXEC));
        for (char begun[2] = {}; begun[1] == 0;) {
            const ssize_t got = read(slots.number(), begun[0] == 0 ? begun : begun + 1, 1);
            REQUIRE(got >= 0);  // 0: the other has not opened it yet
        }
        kill(coordinator, SIGKILL);
        // The end comes when nobody has the other end any more.
        const auto killed = std::chrono::steady_clock::now();
        char rest = 0;
        CHECK(read(slots.number(), &rest, 1) == 0);
        CHECK(read(ends[0], &rest, 1) == 0);
        CHECK(std::chrono::steady_clock::now() - killed < 5s);
        close(ends[0]);
        unlink(path.text);
        while (waitpid(-coordinator, nullptr, 0) > 0) {
        }
    }
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST_CASE("when the coordinator is killed its local workers die with it, whatever a codec does there") {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (const bool is_shared : {true, false}) {
        int ends[2];
        REQUIRE(pipe(ends) == 0);
        const pid_t coordinator = fork();
        if (coordinator == 0) {
            setpgid(0, 0);
            dup2(ends[1], 1);  // which workers have too
            const auto call = parallel(2, tcp{});
            if (is_shared) {
                const shared<endless> value(endless{});
                call(delayed([value = value.ref()](int i) { return value->x + i; }), std::views::iota(0, 2));
            } else {
                call(delayed(with_endless{}), std::views::iota(0, 2));
            }
            _exit(0);
        }
        setpgid(coordinator, coordinator);
        close(ends[1]);
        char said = 0;
        for (int worker = 0; worker < 2; ++worker) REQUIRE(read(ends[0], &said, 1) == 1);
        kill(coordinator, SIGKILL);
        const auto killed = std::chrono::steady_clock::now();
        CHECK(read(ends[0], &said, 1) == 0);  // when nobody has the other end any more
        CHECK(std::chrono::steady_clock::now() - killed < 5s);
        close(ends[0]);
        while (waitpid(-coordinator, nullptr, 0) > 0) {
        }
    }
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}
