#include <fanout/tcp/stragglers.hpp>

#include <vector>

#include "catch.hpp"

using namespace fanout::detail;
using namespace std::chrono_literals;

TEST_CASE("a straggler has run for three times the usual, and for a second at least") {
    schedule plan({});
    for (const schedule::worker_id each : std::vector<schedule::worker_id>{1, 2}) plan.join(each, 1);
    stragglers slow;
    const clock::time_point start(1h);
    plan.sent(1, {7, 1, 0, "x"});
    plan.sent(1, {8, 1, 0, "waits behind it"});
    CHECK(slow.find(plan, start).empty());
    CHECK(slow.find(plan, start + 999ms).empty());
    CHECK(slow.find(plan, start + 1s) == std::vector<stragglers::straggler>{{1, 7}});
    plan.took(1, 1e9);
    CHECK(slow.find(plan, start + 2s).empty());
    CHECK(slow.find(plan, start + 3s).size() == 1);
    plan.sent(2, plan.twin_of(1, 7));
    CHECK(slow.find(plan, start + 9s).empty());
    plan.finish(2, 7);
    CHECK(slow.find(plan, start + 9s).empty());  // the next one has only begun
    CHECK(slow.find(plan, start + 13s) == std::vector<stragglers::straggler>{{1, 8}});
}
