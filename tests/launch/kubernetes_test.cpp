#include <fanout/launch/kubernetes.hpp>

#include <stdexcept>
#include <string>

#include "catch.hpp"
#include "support/matchers.hpp"

using namespace fanout;

// Whether Kubernetes would take it is tested by tests/engines/kubernetes.sh.

TEST_CASE("the manifest has what the user said") {
    const std::string text = kubernetes{.image = "registry/me/app:1",
                                        .program = "/opt/app",
                                        .coordinator = "head:7077",
                                        .workers = 50,
                                        .slots = 2,
                                        .memory = "4Gi"}
                                 .manifest();
    CHECK_THAT(text, containing("\"completions\": 50"));
    CHECK_THAT(text, containing("\"parallelism\": 50"));
    CHECK_THAT(text, containing("\"image\": \"registry/me/app:1\""));
    CHECK_THAT(text, containing("[\"/opt/app\", \"--fanout-worker\", \"head:7077\", \"--slots\", \"2\""));
    CHECK_THAT(text, containing("{\"cpu\": \"2\", \"memory\": \"4Gi\"}"));
    CHECK_THAT(text, containing("\"values\": [77, 78]"));
    CHECK_THAT(text, !containing("FANOUT_KEY\", \"value\":"));
}

TEST_CASE("texts are quoted") {
    CHECK(detail::json_quoted("a\"b\\c\nd") == "\"a\\\"b\\\\c\\u000ad\"");
    CHECK_THAT(kubernetes{.image = "a\"b"}.manifest(), containing("\"a\\\"b\""));
}

TEST_CASE("what Kubernetes would refuse is refused") {
    CHECK_THROWS_AS(kubernetes{}.manifest(), std::invalid_argument);
    CHECK_THROWS_AS((kubernetes{.image = "a", .program = "app"}.manifest()), std::invalid_argument);
    CHECK_THROWS_AS((kubernetes{.image = "a", .coordinator = "head"}.manifest()), std::invalid_argument);
    CHECK_THROWS_AS((kubernetes{.image = "a", .workers = 0}.manifest()), std::invalid_argument);
    CHECK_THROWS_AS((kubernetes{.image = "a", .slots = 0}.manifest()), std::invalid_argument);
    for (const char* name : {"", "Upper", "-a", "a_b"}) {
        CHECK_THROWS_AS((kubernetes{.image = "a", .name = name}.manifest()), std::invalid_argument);
        CHECK_THROWS_AS((kubernetes{.image = "a", .secret = name}.manifest()), std::invalid_argument);
    }
    CHECK_THROWS_AS((kubernetes{.image = "a", .secret_key = ""}.manifest()), std::invalid_argument);
}
