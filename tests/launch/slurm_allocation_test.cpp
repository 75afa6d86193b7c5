#include <fanout/launch/slurm_allocation.hpp>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/matchers.hpp"

using namespace fanout::detail;
using names = std::vector<std::string>;

TEST_CASE("lists of nodes are understood as Slurm writes them") {
    CHECK(expanded_hosts("n1") == names{"n1"});
    CHECK(expanded_hosts("n[1-3]") == names{"n1", "n2", "n3"});
    CHECK(expanded_hosts("n[1-3,07],gpu1") == names{"n1", "n2", "n3", "n07", "gpu1"});
    CHECK(expanded_hosts("n[008-010]-ib") == names{"n008-ib", "n009-ib", "n010-ib"});
    CHECK(expanded_hosts("r[1-2]n[1-2]") == names{"r1n1", "r1n2", "r2n1", "r2n2"});
    CHECK(expanded_hosts("").empty());
    for (const char* wrong : {"n[1-3", "n[a-b]", "n[]", "n[1-99999999999]"}) {
        INFO(wrong);
        CHECK_THROWS_AS(expanded_hosts(wrong), std::invalid_argument);
    }
}

TEST_CASE("counts and times are understood as Slurm writes them") {
    CHECK(expanded_counts("2(x3),1") == std::vector{2, 2, 2, 1});
    CHECK(expanded_counts("16") == std::vector{16});
    CHECK(expanded_counts("").empty());
    CHECK(seconds_of("04") == 4);
    CHECK(seconds_of("03:04") == 184);
    CHECK(seconds_of("1:03:04") == 3784);
    CHECK(seconds_of("1-02:03:04") == 93784);
    for (const char* none : {"UNLIMITED", "INVALID", "NOT_SET", "", "-1:00"}) CHECK(!seconds_of(none));
}

static slurm_allocation three_nodes() { return {"7", {{"a", 4}, {"b", 2}, {"c", 2}}}; }

static std::vector<int> slots_of(const std::vector<slurm_place>& places) {
    std::vector<int> all;
    for (const slurm_place& each : places) all.push_back(each.slots);
    return all;
}

TEST_CASE("slots are spread over the nodes, no more than there are CPUs") {
    CHECK(slots_of(places_on(three_nodes(), 8, {})) == std::vector{4, 2, 2});
    CHECK(slots_of(places_on(three_nodes(), 5, {})) == std::vector{3, 1, 1});
    CHECK(slots_of(places_on(three_nodes(), 1, {})) == std::vector{1});
    CHECK(slots_of(places_on(three_nodes(), 4, 2)) == std::vector{2, 2});
    CHECK(slots_of(places_on(three_nodes(), 7, 2)) == std::vector{2, 2, 2, 2});
    CHECK(places_on(three_nodes(), 8, 2)[3].node == 2);
}

TEST_CASE("more slots than the allocation has is an error that says how many there are") {
    for (const auto& [slots, of_each] : std::vector<std::pair<int, std::optional<int>>>{{9, {}}, {10, 2}}) {
        try {
            places_on(three_nodes(), slots, of_each);
            FAIL("it found room");
        } catch (const std::invalid_argument& e) {
            CHECK_THAT(e.what(), containing("job 7 has 8 CPUs on 3 nodes"));
            CHECK_THAT(e.what(), containing("n_jobs = -1"));
        }
    }
}

TEST_CASE("workers with more slots than any node has CPUs are an error that says so") {
    try {
        places_on(three_nodes(), 5, 5);
        FAIL("it found room");
    } catch (const std::invalid_argument& e) {
        CHECK_THAT(e.what(), containing("on 3 nodes, none with so many"));
    }
}

TEST_CASE("slots beyond what an int can count are too many as well") {
    CHECK_THROWS_AS(places_on(three_nodes(), std::int64_t{65'533} * 2'147'483'647, 65'533), std::invalid_argument);
}

TEST_CASE("the allocation is found in the environment") {
    for (const char* each : {"SLURM_JOB_ID", "SLURM_JOB_NODELIST", "SLURM_JOB_CPUS_PER_NODE"}) unsetenv(each);
    CHECK(!slurm_allocation::ours());
    setenv("SLURM_JOB_ID", "12", 1);
    setenv("SLURM_JOB_NODELIST", "n[1-2]", 1);
    setenv("SLURM_JOB_CPUS_PER_NODE", "3(x2)", 1);
    const auto found = slurm_allocation::ours();
    REQUIRE(found);
    CHECK(found->job == "12");
    CHECK(found->nodes[1].name == "n2");
    CHECK(found->cpus() == 6);
    for (const char* each : {"SLURM_JOB_ID", "SLURM_JOB_NODELIST", "SLURM_JOB_CPUS_PER_NODE"}) unsetenv(each);
}
