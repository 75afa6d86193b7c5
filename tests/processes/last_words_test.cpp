// Tests of last_words.hpp: what a dying process leaves behind.
#include <fanout/processes/last_words.hpp>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <thread>

#include "catch.hpp"
#include "support/crashes.hpp"
#include "support/matchers.hpp"
#include "support/sanitizers.hpp"

using namespace fanout::detail;

namespace {

/// The words of a child that dies of `body`.
template <class Body>
last_words of_a_child(const Body& body) {
    const plain_crashes plain;
    const shared_state shared({.workers = 1, .ring_size = 4096});
    prepare_last_words();
    const pid_t child = fork();
    if (child == 0) {
        leave_last_words_in(shared.slot_of(0).last);
        body();
        _exit(0);
    }
    waitpid(child, nullptr, 0);
    return shared.slot_of(0).last;
}

}  // namespace

#if !FANOUT_TESTS_UNDER_TSAN && !FANOUT_TESTS_UNDER_ASAN

TEST_CASE("a crash leaves its signal, its address and where it was", "[last_words]") {
    const last_words last = of_a_child([] { write_to(24); });
    CHECK(last.how == last_words::manner::crashed);
    CHECK(last.signal == SIGSEGV);
    CHECK(last.address == reinterpret_cast<void*>(24));
    CHECK(last.stack_pointer != nullptr);
    CHECK(last.frame_count > 0);
}

TEST_CASE("a crash on a thread of the task's own is told as well", "[last_words]") {
    const last_words last = of_a_child([] { std::thread([] { write_to(32); }).join(); });
    CHECK(last.signal == SIGSEGV);
    CHECK(last.address == reinterpret_cast<void*>(32));
}

TEST_CASE("what ends with std::terminate leaves the exception", "[last_words]") {
    const last_words last = of_a_child([] { throw_out_of_noexcept(); });
    CHECK(last.how == last_words::manner::terminated);
    CHECK(last.text == std::string(" with std::domain_error: out of noexcept"));
    CHECK(of_a_child([] { std::terminate(); }).text == std::string());
}

TEST_CASE("exit leaves its code", "[last_words]") {
    const last_words last = of_a_child([] { std::exit(5); });
    CHECK(last.how == last_words::manner::called_exit);
    CHECK(last.exit_code == 5);
    CHECK(of_a_child([] { _exit(5); }).how == last_words::manner::none);
}

TEST_CASE("a child that a task forks has no last words, and dies as it likes", "[last_words]") {
    const last_words last = of_a_child([] {
        const pid_t grandchild = fork();
        if (grandchild == 0) std::exit(3);
        int status = 0;
        waitpid(grandchild, &status, 0);
        if (WEXITSTATUS(status) != 3) write_to(8);
    });
    CHECK(last.how == last_words::manner::none);
}

#endif
