#include <fanout/launch/batch_system.hpp>

#include <string>
#include <vector>

#include "catch.hpp"

using namespace fanout::detail;
using words = std::vector<std::string>;

static const batch_values values = {{"workers", "4"}, {"last", "3"}, {"empty", ""}, {"slots", "2"}};

TEST_CASE("what is known is put in the place of its name") {
    CHECK(filled_in("1-{workers}:{last}{workers}", values) == "1-4:34");
    CHECK(filled_in("nothing {else}", values) == "nothing {else}");
    CHECK(filled_in("{a} {b}", {{"a", "{b}"}, {"b", "{a}"}}) == "{b} {a}");  // once, whatever the user has said
    CHECK(filled_in(std::vector<const char*>{"sub", "--n={workers}"}, values) == words{"sub", "--n=4"});
}

TEST_CASE("what the user has not said is not said") {
    CHECK(filled_in(std::vector<const char*>{"sub", "-q", "{empty}", "-l", "t={empty}", "--p={empty}", "x"}, values) ==
          words{"sub", "x"});
    CHECK(filled_in_lines("a = {slots}\nb = {empty}\nqueue {workers}\n", values) == "a = 2\nqueue 4\n");
}

TEST_CASE("a user's own arguments stand before the script") {
    CHECK(filled_in(std::vector<const char*>{"sub", "{arguments}", "script"}, values, {"-x", "1 2"}) ==
          words{"sub", "-x", "1 2", "script"});
}

TEST_CASE("the id is found in what each scheduler answers") {
    CHECK(id_in("123", slurm_row()) == "123");
    CHECK(id_in("Welcome to the cluster!\n123;cluster1", slurm_row()) == "123");
    CHECK(id_in("1234[].server", pbs_row()) == "1234[].server");
    CHECK(id_in("Job <77> is submitted to default queue <normal>.", lsf_row()) == "77");
    CHECK(id_in("5.1-4:1", sge_row()) == "5");
    CHECK(id_in("45.0 - 45.3", htcondor_row()) == "45");
    for (const batch_system* each : {&slurm_row(), &pbs_row(), &lsf_row(), &sge_row(), &htcondor_row()}) {
        INFO(each->name);
        CHECK(id_in("", *each).empty());
        CHECK(id_in("error: no", *each).empty());
    }
}
