// Tests of shared_state.hpp: who can reach what, and that a sleeping parent is called.
#include <fanout/processes/shared_state.hpp>

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <system_error>

#include "catch.hpp"
#include "support/crashes.hpp"
#include "support/leaks.hpp"
#include "support/sanitizers.hpp"

using namespace fanout::detail;

namespace {

/// How a child ends that does `body`: its exit code, or minus its signal.
template <class Body>
int in_a_child(const Body& body) {
    const plain_crashes plain;
    const pid_t child = fork();
    if (child == 0) {
        body();
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("slots, rings, owners and flat results do not overlap", "[shared_state]") {
    const shared_state shared(
        {.workers = 3, .ring_size = 4096, .inboxes = true, .tasks = 1000, .chunk = 1, .flat_size = 8});
    for (int worker = 0; worker < 3; ++worker) {
        std::memset(shared.outbox(worker).bytes, 0xff, 4096);
        std::memset(shared.inbox(worker).bytes, 0xff, 4096);
    }
    for (std::size_t i = 0; i < 1000; ++i) std::memset(shared.flat_result(i), 0xff, 8);
    CHECK(shared.header().next == 0);
    CHECK(shared.tasks().any_free());
    for (std::size_t i = 0; i < 1000; ++i) CHECK(shared.tasks().owner_of(i) == claims::free);
    for (int worker = 0; worker < 3; ++worker) {
        CHECK(shared.slot_of(worker).progress == 0);
        CHECK(shared.outbox(worker).ends->tail == 0);
    }
    CHECK(shared.has_flat_results());
    CHECK(shared.flat_result(0) == static_cast<void*>(static_cast<std::byte*>(shared.flat_result(1)) - 8));
}

TEST_CASE("a slot is cleared for the next worker", "[shared_state]") {
    const shared_state shared({.workers = 1, .ring_size = 4096});
    shared.slot_of(0).progress = 7;
    shared.slot_of(0).outbox.tail = 8;
    shared.slot_of(0).last.signal = SIGSEGV;
    shared.clear(0);
    CHECK(shared.slot_of(0).progress == 0);
    CHECK(shared.slot_of(0).outbox.tail == 0);
    CHECK(shared.slot_of(0).last.signal == 0);
}

TEST_CASE("results that are too many to be flat go through the rings", "[shared_state]") {
    const shared_state shared({.workers = 1, .tasks = 1000, .chunk = 1, .flat_size = std::size_t(1) << 60});
    CHECK_FALSE(shared.has_flat_results());
}

TEST_CASE("memory that cannot be had is an error that says what to do", "[shared_state]") {
    CHECK_THROWS_AS(shared_state({.workers = 1000, .ring_size = std::size_t(1) << 50}), std::system_error);
}

#if !FANOUT_TESTS_UNDER_TSAN && !FANOUT_TESTS_UNDER_ASAN

TEST_CASE("a worker reaches its own lane and what is shared, and not the lanes of others", "[shared_state]") {
    const shared_state shared({.workers = 3, .ring_size = 4096, .tasks = 10, .chunk = 1, .flat_size = 8});
    CHECK(in_a_child([&] {
              shared.keep_only(1);
              shared.outbox(1).bytes[0] = std::byte(1);
              shared.slot_of(1).progress = 1;
              shared.header().next = 1;
              shared.tasks().finish(0);
              std::memset(shared.flat_result(9), 1, 8);
          }) == 0);
    for (const int other : {0, 2})
        CHECK(in_a_child([&] {
                  shared.keep_only(1);
                  shared.outbox(other).bytes[0] = std::byte(1);
              }) == -SIGSEGV);
}

#endif

TEST_CASE("a parent that sleeps is called once, one that does not is left alone", "[shared_state]") {
    const shared_state shared({.workers = 1, .ring_size = 4096});
    const bell parent;
    const auto is_rung = [&] {
        pollfd rung{parent.number(), POLLIN, 0};
        const bool yes = poll(&rung, 1, 0) == 1;
        parent.silence();
        return yes;
    };
    CHECK(call_parent(shared.header(), parent));
    CHECK_FALSE(is_rung());
    shared.header().parent_sleeps = 1;
    CHECK(call_parent(shared.header(), parent));
    CHECK(is_rung());
    CHECK(call_parent(shared.header(), parent));
    CHECK_FALSE(is_rung());
}
