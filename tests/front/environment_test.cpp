// Tests of environment.hpp: a program that includes it can be given every backend from outside.
#include <fanout/environment.hpp>
#include <fanout/fanout.hpp>

#include <cstdlib>
#include <ranges>
#include <stdexcept>
#include <string>

#include "catch.hpp"
#include "support/in_a_child.hpp"
#include "support/matchers.hpp"

using fanout::delayed, fanout::parallel;

namespace {

/// The backend of a call when FANOUT_BACKEND is this.
std::string backend_with(const char* value) {
    return in_a_child([&] {
        setenv("FANOUT_BACKEND", value, 1);
        try {
            const auto outcomes = parallel(2).outcomes(
                delayed([](int i) { return i == 0 ? throw std::domain_error("zero") : i; }), std::views::iota(0, 3));
            return outcomes[0].error().backend + " " + std::to_string(*outcomes[2]);
        } catch (const std::invalid_argument& e) {
            return std::string("refused: ") + e.what();
        }
    });
}

}  // namespace

TEST_CASE("every backend can come from the environment, with its options", "[environment]") {
    CHECK(backend_with("sequential") == "sequential 2");
    CHECK(backend_with("threads?spin=0us") == "threads 2");
    // The thread sanitizer has a thread of its own, of which processes warn.
    CHECK_THAT(backend_with("processes"), containing("processes 2"));
    CHECK_THAT(backend_with("processes?retries=0&memory_limit=2G"), containing("processes 2"));
}

TEST_CASE("what the variable should not say is refused by its name", "[environment][bad-input]") {
    CHECK(backend_with("quantum") ==
          "refused: fanout: FANOUT_BACKEND=quantum: there is no backend of this name; there are: processes, "
          "sequential, threads");
    CHECK_THAT(backend_with("processes?retry=1"),
               starting_with("refused: fanout: FANOUT_BACKEND=processes?retry=1: the option retry is not known"));
    CHECK_THAT(backend_with("tcp"), starting_with("refused: fanout: FANOUT_BACKEND=tcp: tcp cannot be chosen"));
    CHECK_THAT(backend_with("thread"), ending_with("(did you mean threads?)"));
}
