// Tests of forks.hpp: a child knows that it is one.
#include <fanout/core/forks.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include "catch.hpp"

using namespace fanout::detail;

TEST_CASE("each fork is counted in the child, which has neither the threads nor the budget of its parent", "[forks]") {
    count_forks();
    count_forks();  // which counts none twice
    const unsigned here = fork_generation;
    thread_budget budget(2);
    budget_here = &budget;
    own_threads = 3;
    const pid_t child = fork();
    if (child == 0) {
        const bool as_expected = fork_generation == here + 1 && own_threads == 0 && !budget_here;
        const pid_t grandchild = as_expected ? fork() : -1;
        if (grandchild == 0) _exit(fork_generation == here + 2 ? 7 : 1);
        int status = 0;
        waitpid(grandchild, &status, 0);
        _exit(as_expected && WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WEXITSTATUS(status) == 7);
    CHECK(fork_generation == here);
    CHECK(budget_here == &budget);
    CHECK(own_threads == 3);
    budget_here = nullptr;
    own_threads = 0;
}
