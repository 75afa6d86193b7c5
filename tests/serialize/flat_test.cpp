// Tests of flat.hpp: what is copied as it lies in memory, and what is looked at before.
#include <fanout/serialize/flat.hpp>

#include <complex>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/round_trip.hpp"

using namespace fanout::detail;

namespace {

struct point {
    double x, y;
    bool operator==(const point&) const = default;
};
class hidden {
public:
    constexpr hidden(int a, double b) : a_(a), b_(b) {}
    bool operator==(const hidden&) const = default;

private:
    int a_;
    double b_;
};
class hidden_pointer {
public:
    constexpr explicit hidden_pointer(int* p) : p_(p) {}

private:
    int* p_;
};
class not_literal {
public:
    not_literal(int a) : a_(a) {}
    bool operator==(const not_literal&) const = default;

private:
    int a_;
};
struct with_pointer {
    int a;
    int* p;
};
struct with_optional {
    int a;
    std::optional<int> b;
    bool operator==(const with_optional&) const = default;
};
struct with_bool {
    double x;
    bool on;
    point where[2];
    bool flags[2];
    bool operator==(const with_bool&) const = default;
};

/// Flat, but its author writes it in another way.
struct own_way {
    int number;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(number);
    }
    bool operator==(const own_way&) const = default;
};
struct contains_own_way {
    own_way own;
    int number;
    bool operator==(const contains_own_way&) const = default;
};

}  // namespace

TEST_CASE("flat is what holds numbers and nothing else", "[flat]") {
    STATIC_REQUIRE(flat<int>);
    STATIC_REQUIRE(flat<point>);
    STATIC_REQUIRE(flat<const point>);
    STATIC_REQUIRE(flat<point[3][4]>);
    STATIC_REQUIRE(flat<std::array<point, 3>>);
    STATIC_REQUIRE(flat<std::complex<double>>);
    STATIC_REQUIRE(flat<hidden>);
    STATIC_REQUIRE(flat<not_literal>);
    STATIC_REQUIRE(flat<with_bool>);
    STATIC_REQUIRE_FALSE(flat<with_pointer>);
    STATIC_REQUIRE_FALSE(flat<hidden_pointer>);
    STATIC_REQUIRE_FALSE(flat<std::string>);
    STATIC_REQUIRE_FALSE(flat<with_optional>);  // a bool is in it that nobody could look at
    STATIC_REQUIRE_FALSE(flat<std::string_view>);
    STATIC_REQUIRE_FALSE(flat<std::vector<int>::iterator>);
}

TEST_CASE("an aggregate with a member that is written in its own way is not flat", "[flat]") {
    STATIC_REQUIRE_FALSE(flat<own_way>);
    STATIC_REQUIRE_FALSE(flat<contains_own_way>);
    CHECK(survives(contains_own_way{{1}, 2}));
}

TEST_CASE("closures over values are flat, those over references are not", "[flat]") {
    int number = 1;
    const auto by_value = [number, p = point{1, 2}](int i) { return number + i + static_cast<int>(p.x); };
    const auto by_reference = [&number] { return number; };
    const auto with_address = [p = &number] { return *p; };
    STATIC_REQUIRE(flat<decltype(by_value)>);
    STATIC_REQUIRE_FALSE(flat<decltype(by_reference)>);
    STATIC_REQUIRE_FALSE(flat<decltype(with_address)>);
    number = 5;
    CHECK(round_trip(by_value)(3) == 5);
}

TEST_CASE("flat values arrive, alone and in vectors", "[flat]") {
    CHECK(survives(point{1, 2}));
    CHECK(survives(hidden(1, 2)));
    CHECK(survives(not_literal(7)));
    CHECK(survives(std::vector<hidden>(10'000, hidden(3, 4))));
    CHECK(survives(with_optional{1, 2}));
    CHECK(survives(with_bool{1.5, true, {{1, 2}, {3, 4}}, {false, true}}));
    CHECK(survives(std::vector<with_bool>(1'000, {1.5, true, {{1, 2}, {3, 4}}, {false, true}})));
}

TEST_CASE("a flat value that is bigger than the stack arrives on the heap", "[flat]") {
    struct big {
        double grid[2'000'000];
    };
    const auto value = std::make_unique<big>();
    value->grid[1'999'999] = 7;
    CHECK(round_trip(value)->grid[1'999'999] == 7);
}

TEST_CASE("a bool that is neither 0 nor 1 is refused, wherever it lies", "[flat]") {
    const auto refuses = []<class T>(const T& value, std::size_t position) {
        auto bytes = bytes_of(value);
        bytes.at(position) = std::byte{2};
        CHECK_THROWS_AS(value_from<T>(bytes), fanout::decode_error);
    };
    refuses(true, 0);
    refuses(with_bool{}, offsetof(with_bool, on));
    refuses(with_bool{}, offsetof(with_bool, flags) + 1);
    refuses(std::vector<with_bool>(3), sizeof(std::size_t) + sizeof(with_bool) + offsetof(with_bool, on));
    refuses(std::array<bool, 3>(), 2);
}

TEST_CASE("a vector of flat values is its length and its memory", "[flat]") {
    const std::vector<point> points{{1, 2}, {3, 4}};
    const auto bytes = bytes_of(points);
    REQUIRE(bytes.size() == sizeof(std::size_t) + 2 * sizeof(point));
    CHECK(std::memcmp(bytes.data() + sizeof(std::size_t), points.data(), 2 * sizeof(point)) == 0);
}
