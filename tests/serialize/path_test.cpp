// Tests of path.hpp: paths arrive.
#include <fanout/serialize/path.hpp>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/round_trip.hpp"

TEST_CASE("paths arrive, alone and in other values", "[path]") {
    struct file {
        std::filesystem::path path;
        int size;
        bool operator==(const file&) const = default;
    };
    CHECK(survives(std::filesystem::path("/some/where.txt")));
    CHECK(survives(std::filesystem::path()));
    CHECK(survives(file{"a/b", 7}));
    CHECK(survives(std::map<std::filesystem::path, int>{{"x", 1}}));
}
