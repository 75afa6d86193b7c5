// Tests of way.hpp: values that foreign code writes are guarded, and values are read where they are to stay.
#include <fanout/serialize/codec.hpp>
#include <fanout/serialize/memory.hpp>

#include <cstddef>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/matchers.hpp"

using namespace fanout::detail;

namespace {

struct reads_too_little {
    int value = 0;
    template <class Archive>
    void save(Archive& archive) const {
        archive(value, value);
    }
    template <class Archive>
    void load(Archive& archive) {
        archive(value);
    }
};

struct writes_nothing {
    template <class Archive>
    void serialize(Archive&) {}
};

struct contains_itself {
    std::vector<contains_itself> inner;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(inner);
    }
};

contains_itself nested(int depth) {
    contains_itself value;
    if (depth > 1) value.inner.push_back(nested(depth - 1));
    return value;
}

}  // namespace

TEST_CASE("functions that read something else than they have written are found out", "[way]") {
    CHECK_THROWS_WITH(
        value_from<reads_too_little>(bytes_of(reads_too_little{1})),
        containing("its functions read something else than they have written") && containing("reads_too_little"));
}

TEST_CASE("a value that writes nothing takes a byte all the same, so that lengths can be checked", "[way]") {
    CHECK(bytes_of(writes_nothing()).size() == 1);
    CHECK(value_from<std::vector<writes_nothing>>(bytes_of(std::vector<writes_nothing>(5))).size() == 5);
}

TEST_CASE("values of foreign functions may be nested so deep and no deeper, written and read", "[way]") {
    CHECK(value_from<contains_itself>(bytes_of(nested(200))).inner.size() == 1);
    CHECK_THROWS_WITH(bytes_of(nested(300)), containing("nested more than 256 deep"));
}

TEST_CASE("a value is read into one that is there, or made anew", "[way]") {
    const auto bytes = bytes_of(std::vector<std::string>{"one", "two"});
    std::vector<std::string> there{"before"};
    memory_source source(bytes.data(), bytes.size());
    fanout::reader from(source);
    take_into(from, there);
    CHECK(there == std::vector<std::string>{"one", "two"});
    memory_source again(bytes.data(), bytes.size());
    fanout::reader from_again(again);
    const std::vector<std::string> made = next_value<std::vector<std::string>>(from_again);
    CHECK(made == there);
}
