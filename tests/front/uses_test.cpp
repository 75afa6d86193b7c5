// Tests of uses.hpp: in builds with assertions, an object that is destroyed while it is called is noticed.
#include <fanout/front/parallel.hpp>
#include <fanout/front/uses.hpp>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <latch>
#include <optional>
#include <ranges>
#include <thread>
#include <utility>

#include "catch.hpp"
#include "support/sanitizers.hpp"

using fanout::delayed, fanout::parallel, fanout::detail::use_count;

namespace {

/// Whether a child that does this is ended by an assertion.
template <class Body>
bool aborts(const Body& body) {
    const pid_t child = fork();
    if (child == 0) {
        const rlimit no_core{0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        std::signal(SIGABRT, SIG_DFL);
        close(STDERR_FILENO);  // what it says is expected
        alarm(10);
        body();
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

}  // namespace

TEST_CASE("a count that nobody uses can be moved and destroyed", "[uses]") {
    use_count first;
    {
        const use_count::guard in_use(first);
    }
    use_count second(std::move(first));
    second = use_count();
    const use_count::guard one(second);
    const use_count::guard other(first);
    SUCCEED("nothing was asserted");
}

#if !defined(NDEBUG) && !FANOUT_TESTS_UNDER_TSAN

TEST_CASE("a count that is used must not be moved or destroyed", "[uses]") {
    CHECK(aborts([] {
        std::optional<use_count> count(std::in_place);
        const use_count::guard in_use(*count);
        count.reset();
    }));
    CHECK(aborts([] {
        use_count count;
        const use_count::guard in_use(count);
        const use_count moved(std::move(count));
    }));
    CHECK(aborts([] {
        use_count count;
        use_count other;
        const use_count::guard in_use(count);
        count = std::move(other);
    }));
    CHECK_FALSE(aborts([] { const use_count unused; }));
}

TEST_CASE("destroying an object while another thread still calls it is noticed", "[uses][bad-input]") {
    CHECK(aborts([] {
        std::optional kept(parallel(2));
        std::latch running(2);
        std::latch never(1);
        const std::jthread other([&] {
            (*kept)(delayed([&](int) {
                        running.count_down();
                        never.wait();
                    }),
                    std::views::iota(0, 1));
        });
        running.arrive_and_wait();
        kept.reset();
    }));
}

#endif
