#include <fanout/launch/launcher.hpp>

#include "catch.hpp"

using namespace fanout::detail;

TEST_CASE("whoever starts a worker tells it where to go, how many it is, and which job it is for; never the key") {
    const worker_order order{.addresses = "here:1,there:2", .key = "secret", .job = "abc"};
    CHECK(worker_words(order, 3) ==
          std::vector<std::string>{"--fanout-worker", "here:1,there:2", "--slots", "3", "--job", "abc"});
    CHECK(worker_words({.addresses = "here:1", .key = {}}, 1) ==
          std::vector<std::string>{"--fanout-worker", "here:1", "--slots", "1"});
}
