// Writes manifests for tests/engines/kubernetes.sh, which has them checked against the schema of Kubernetes.
#include <fanout/launch/kubernetes.hpp>

#include <fstream>
#include <string>

#include "catch.hpp"

using namespace fanout;

static void write(const std::string& name, const std::string& text) {
    std::ofstream file(name);
    file << text;
    CHECK(file.flush().good());
}

TEST_CASE("manifests") {
    write("small.json", kubernetes{.image = "app:1"}.manifest());
    const std::string large = kubernetes{.image = "registry/me/app:1",
                                         .program = "/opt/a \"quoted\" app",
                                         .coordinator = "[fd00::1]:7077,head:7077",
                                         .workers = 1000,
                                         .slots = 4,
                                         .memory = "2Gi",
                                         .name = "train",
                                         .secret = "train-key"}
                                  .manifest();
    write("large.json", large);
    // That the check can fail.
    const std::string good = "\"completions\": 1000", bad = "\"completions\": \"many\"";
    std::string broken = large;
    REQUIRE(broken.find(good) != broken.npos);
    write("broken.json", broken.replace(broken.find(good), good.size(), bad));
}
