// Tests of team_holder.hpp: one team for all who ask, and a new one in a forked child.
#include <fanout/threads/team_holder.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/sanitizers.hpp"

using fanout::detail::team, fanout::detail::team_holder;

namespace {

const team::habits habits{.most_members = 1,
                          .spin = {},
                          .patience = std::chrono::steady_clock::duration::max(),
                          .outlives_everything = false};

}  // namespace

TEST_CASE("a holder makes its team when it is first asked for, and gives the same one to all", "[team_holder]") {
    team_holder holder;
    std::atomic<team*> seen[8] = {};
    {
        std::vector<std::jthread> askers;
        for (auto& each : seen) askers.emplace_back([&] { each = &holder.get(habits); });
    }
    for (const auto& each : seen) CHECK(each == &holder.get(habits));
    holder.release();
}

TEST_CASE("a holder that was moved from is empty, and can be used again", "[team_holder]") {
    team_holder first;
    team* const made = &first.get(habits);
    team_holder second(std::move(first));
    CHECK(&second.get(habits) == made);
    team_holder third;
    third.get(habits);
    third = std::move(second);
    CHECK(&third.get(habits) == made);
    CHECK(&first.get(habits) != made);
    first.release();
    second.release();
    third.release();
}

TEST_CASE("an empty holder can be released, and a released one used again", "[team_holder]") {
    team_holder holder;
    holder.release();
    holder.get(habits);
    holder.release();
    holder.get(habits);
    holder.release();
}

#if !FANOUT_TESTS_UNDER_TSAN
TEST_CASE("a forked child gets a team of its own; its parent keeps the old one", "[team_holder][fork]") {
    team_holder holder;
    team* const made = &holder.get(habits);
    const pid_t child = fork();
    if (child == 0) {
        team* const own = &holder.get(habits);
        const bool as_expected = own != made && own == &holder.get(habits);
        holder.release();
        _exit(as_expected ? 7 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 7));
    CHECK(&holder.get(habits) == made);
    holder.release();
}
#endif
