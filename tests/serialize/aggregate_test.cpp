// Tests of aggregate.hpp: plain structs arrive member by member, with nothing written for it.
#include <fanout/serialize/aggregate.hpp>

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "catch.hpp"
#include "support/round_trip.hpp"

namespace {

struct tree {
    int feature;
    double threshold;
    std::vector<tree> children;
    bool operator==(const tree&) const = default;
};
struct model {
    std::string name;
    std::vector<tree> trees;
    std::map<std::string, std::optional<double>> scores;
    std::variant<int, std::string> tag;
    std::array<float, 3> bias;
    bool operator==(const model&) const = default;
};

struct no_default {
    explicit no_default(int v) : value(v) {}
    int value;
    bool operator==(const no_default&) const = default;
};
struct of_no_default {
    no_default first;
    std::string text;
    const int constant;
    std::vector<no_default> many;
    bool operator==(const of_no_default&) const = default;
};

struct move_only {
    std::unique_ptr<int> number;
    std::string text;
};
struct cannot_move {
    const std::unique_ptr<int> number;
};

struct word {
    std::string text;
    bool operator==(const word&) const = default;
};
struct with_arrays {
    int before;
    std::string names[2];
    word words[2][3];
    double after;
    int last[4];
    bool operator==(const with_arrays&) const = default;
};
struct flat_with_arrays {
    char name[32];
    double grid[4][5];
    bool flags[3];
    bool operator==(const flat_with_arrays&) const = default;
};
struct many_flat_arrays {
    char a[8];
    char b[8];
    int c[8];
    double d[8];
    char e[3];
    bool operator==(const many_flat_arrays&) const = default;
};

struct tag {
    bool operator==(const tag&) const = default;
};
struct tagged : tag {
    std::string text;
    int number;
    bool operator==(const tagged&) const = default;
};

struct with_bits {
    unsigned low : 3;
    bool flag : 1;
    bool operator==(const with_bits&) const = default;
};

struct of_32 {
    std::string m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16;
    int m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27, m28, m29, m30, m31, m32;
    bool operator==(const of_32&) const = default;
};

struct optionals {
    std::optional<std::optional<int>> twice;
    std::optional<std::string> text;
    std::optional<std::vector<optionals>> more;
    std::shared_ptr<int> shared;
    bool operator==(const optionals& other) const { return twice == other.twice && text == other.text; }
};

struct empty {
    bool operator==(const empty&) const = default;
};

}  // namespace

TEST_CASE("aggregates arrive, nested, recursive, with standard types in them", "[aggregate]") {
    const model m{"m", {{1, 0.5, {{2, 0.25, {}}}}}, {{"auc", 0.9}, {"f1", std::nullopt}}, "t", {1, 2, 3}};
    CHECK(survives(m));
    CHECK(survives(std::vector<model>{m, {}, m}));
    CHECK(survives(optionals{3, "text", std::vector<optionals>{{}, {}}, nullptr}));
}

TEST_CASE("members need no default constructor and may be constant", "[aggregate]") {
    CHECK(survives(of_no_default{no_default(1), "text", 7, {no_default(2), no_default(3)}}));
    CHECK(survives(std::vector{no_default(1), no_default(2)}));
}

TEST_CASE("members that can only be moved, and those that cannot even be moved, arrive", "[aggregate]") {
    CHECK(*round_trip(move_only{std::make_unique<int>(7), "text"}).number == 7);

    const auto bytes = fanout::detail::bytes_of(cannot_move{std::make_unique<int>(7)});
    fanout::detail::memory_source source(bytes.data(), bytes.size());
    fanout::reader from(source);
    const auto arrived = from.read<cannot_move>();
    CHECK(*arrived.number == 7);

    std::vector<move_only> many;
    many.push_back({std::make_unique<int>(8), "text"});
    CHECK(*round_trip(many)[0].number == 8);
}

TEST_CASE("arrays of C arrive, of several dimensions, of aggregates, of what is flat", "[aggregate]") {
    CHECK(survives(with_arrays{1, {"a", "b"}, {{{"c"}, {"d"}, {"e"}}, {{"f"}, {"g"}, {"h"}}}, 2.5, {1, 2, 3, 4}}));
    CHECK(survives(flat_with_arrays{"name", {{1, 2}, {3, 4}}, {true, false, true}}));
    CHECK(survives(many_flat_arrays{"a", "b", {1}, {2.5}, "e"}));
}

TEST_CASE("an empty base class does no harm", "[aggregate]") { CHECK(survives(tagged{{}, "text", 7})); }

TEST_CASE("bit-fields of flat aggregates arrive", "[aggregate]") { CHECK(survives(with_bits{5, true})); }

TEST_CASE("32 members are taken apart", "[aggregate]") {
    of_32 all{};
    all.m1 = "first";
    all.m16 = "middle";
    all.m32 = 32;
    CHECK(survives(all));
}

TEST_CASE("an empty struct takes a byte", "[aggregate]") {
    CHECK(survives(empty()));
    CHECK(survives(std::vector<empty>(5)));
    CHECK(fanout::detail::bytes_of(empty()).size() == 1);
}
