// Tests of child_setup.hpp: what a child changes about itself.
#include <fanout/processes/child_setup.hpp>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <new>
#include <string>

#include "catch.hpp"
#include "support/sanitizers.hpp"

using namespace fanout::detail;

namespace {

template <class Body>
bool holds_in_a_child(const Body& body) {
    const pid_t child = fork();
    if (child == 0) _exit(body() ? 7 : 1);
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 7;
}

bool does(int signal, void (*what)(int)) {
    struct sigaction now{};
    sigaction(signal, nullptr, &now);
    return now.sa_handler == what;
}

}  // namespace

TEST_CASE("handlers go, ignored signals and crash handlers stay", "[child_setup]") {
    CHECK(holds_in_a_child([] {
        signal(SIGTERM, [](int) {});
        signal(SIGPIPE, SIG_IGN);
        void (*const own)(int) = [](int) {};
        signal(SIGSEGV, own);
        take_back_signal_handlers();
        return does(SIGTERM, SIG_DFL) && does(SIGPIPE, SIG_IGN) && does(SIGSEGV, own);
    }));
}

TEST_CASE("a worker survives the signals of its terminal, and what it starts does not inherit that", "[child_setup]") {
    for (const int signal : {SIGINT, SIGQUIT, SIGHUP}) {
        CAPTURE(signal);
        const auto survives = [&](void (*handled)(int)) {
            return holds_in_a_child([&] {
                ::signal(signal, handled);
                take_back_signal_handlers();
                raise(signal);
                return true;
            });
        };
        CHECK(survives(SIG_DFL));
        CHECK(survives([](int) { _exit(1); }));
        CHECK(survives(SIG_IGN));
        CHECK(holds_in_a_child([&] {
            ::signal(signal, SIG_IGN);
            take_back_signal_handlers();
            return does(signal, SIG_IGN);
        }));
        CHECK(holds_in_a_child([&] {
            ::signal(signal, SIG_DFL);
            take_back_signal_handlers();
            const std::string kills_itself = "kill -" + std::to_string(signal) + " $$";
            const pid_t program = fork();
            if (program == 0) execl("/bin/sh", "sh", "-c", kills_itself.c_str(), nullptr);
            int status = 0;
            waitpid(program, &status, 0);
            return WIFSIGNALED(status) && WTERMSIG(status) == signal;
        }));
    }
}

TEST_CASE("a child whose parent is gone already does not begin to live", "[child_setup]") {
    CHECK_FALSE(holds_in_a_child([] {
        die_with(1 << 30);  // nobody's parent
        return true;
    }));
}

TEST_CASE("a worker goes first when memory runs out", "[child_setup]") {
    CHECK(holds_in_a_child([] {
        const int before = std::atoi(read_file("/proc/", "self/oom_score_adj").c_str());
        be_first_to_go();
        const int after = std::atoi(read_file("/proc/", "self/oom_score_adj").c_str());
        return after == (before + 500 < 1000 ? before + 500 : 1000);
    }));
}

#if !FANOUT_TESTS_UNDER_TSAN && !FANOUT_TESTS_UNDER_ASAN

TEST_CASE("memory beyond the fence is refused, and granted again when it is lifted", "[child_setup]") {
    CHECK(holds_in_a_child([] {
        const auto can_have = [](std::size_t bytes) {
            try {
                return std::string(bytes, 'x').size() == bytes;
            } catch (const std::bad_alloc&) {
                return false;
            }
        };
        memory_fence fence;
        fence.put_up(50u << 20);
        const bool little = can_have(20u << 20), much = can_have(100u << 20);
        fence.lift();
        const bool lifted = can_have(100u << 20);
        fence.restore();
        return little && !much && lifted && !can_have(100u << 20);
    }));
}

#endif
