#include <fanout/launch/shell_words.hpp>

#include "catch.hpp"

using namespace fanout::detail;

TEST_CASE("words survive a shell") {
    CHECK(shell_quoted("/a b/c") == "'/a b/c'");
    CHECK(shell_quoted("it's") == "'it'\\''s'");
}

TEST_CASE("what is shown can be typed again, and has no more quotes than it needs") {
    CHECK(as_typed({"sbatch", "--array=0-3", "a b", ""}) == "sbatch --array=0-3 'a b' ''");
    CHECK(as_typed({}).empty());
}
