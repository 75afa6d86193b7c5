// Tests of standard.hpp: the standard's other types arrive as they were.
#include <fanout/serialize/standard.hpp>

#include <bitset>
#include <chrono>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "catch.hpp"
#include "support/matchers.hpp"
#include "support/round_trip.hpp"

namespace {

enum class colour : std::uint8_t { red, green, blue };
enum plain { one = 1, thousand = 1000 };
enum class answer : bool { no, yes };

struct no_default {
    explicit no_default(std::string t) : text(std::move(t)) {}
    std::string text;
};

struct node {
    int value;
    std::unique_ptr<node> next;
};

struct shape {
    virtual ~shape() = default;
    int corners = 0;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(corners);
    }
};
struct square : shape {};

struct abstract {
    virtual ~abstract() = default;
    virtual int area() const = 0;
};

/// As tl::expected and std::expected are made.
template <class E>
struct unexpected {
    explicit unexpected(E e) : error(std::move(e)) {}
    E error;
};
template <class T, class E>
class expected {
public:
    using value_type = T;
    using error_type = E;
    using unexpected_type = unexpected<E>;
    expected(T value) : content_(std::in_place_index<0>, std::move(value)) {}
    expected(unexpected_type e) : content_(std::in_place_index<1>, std::move(e.error)) {}
    bool has_value() const { return content_.index() == 0; }
    const T& operator*() const { return std::get<0>(content_); }
    const E& error() const { return std::get<1>(content_); }
    bool operator==(const expected&) const = default;

private:
    std::variant<T, E> content_;
};

}  // namespace

TEST_CASE("numbers and enumerations arrive", "[standard]") {
    CHECK(survives(true));
    CHECK(survives('c'));
    CHECK(survives(u8'c'));
    CHECK(survives(U'c'));
    CHECK(survives(std::numeric_limits<std::int64_t>::min()));
    CHECK(survives(std::numeric_limits<std::uint64_t>::max()));
    CHECK(survives(0.1f));
    CHECK(survives(0.1));
    CHECK(survives(0.1L));
    CHECK(survives(std::byte{200}));
    CHECK(survives(colour::blue));
    CHECK(survives(thousand));
    CHECK(survives(answer::yes));
    CHECK(round_trip(nullptr) == nullptr);
}

TEST_CASE("pairs and tuples arrive, and need no default constructor", "[standard]") {
    CHECK(survives(std::pair{1, std::string("one")}));
    CHECK(survives(std::tuple{1, 2.0, std::string("three"), std::vector{4}}));
    CHECK(survives(std::tuple<>()));
    CHECK(survives(std::tuple<std::tuple<std::tuple<int>>>(7)));
    CHECK(survives(std::tuple<std::vector<int>>({1, 2})));
    CHECK(survives(std::vector<std::tuple<>>(3)));
    const auto moved = round_trip(std::tuple(std::make_unique<int>(1), 2));
    CHECK(*std::get<0>(moved) == 1);
}

TEST_CASE("arrays arrive", "[standard]") {
    CHECK(survives(std::array{1, 2, 3}));
    CHECK(survives(std::array<std::string, 3>{"a", "b", "c"}));
    CHECK(survives(std::array<std::array<std::string, 2>, 2>{{{"a", "b"}, {"c", "d"}}}));
    CHECK(survives(std::array<int, 0>()));
    CHECK(survives(std::array<bool, 2>{true, false}));
    const auto many = std::make_unique<std::array<std::string, 1000>>();
    many->back() = "last";
    CHECK(survives(*many));
}

TEST_CASE("optionals arrive", "[standard]") {
    CHECK(survives(std::optional<int>()));
    CHECK(survives(std::optional<int>(7)));
    CHECK(survives(std::optional<std::string>("text")));
    CHECK(survives(std::optional<std::optional<int>>(std::optional<int>())));
    CHECK(survives(std::vector<std::optional<bool>>{true, std::nullopt, false}));
}

TEST_CASE("variants arrive with the alternative that they held", "[standard]") {
    CHECK(survives(std::variant<int, std::string>(7)));
    CHECK(survives(std::variant<int, std::string>("text")));
    CHECK(survives(std::variant<std::monostate, int>()));
    CHECK(survives(std::variant<int, int>(std::in_place_index<1>, 7)));
    CHECK(survives(std::variant<std::vector<std::variant<int, std::string>>, int>(
        std::vector<std::variant<int, std::string>>{1, "two"})));
    CHECK(*std::get<1>(round_trip(std::variant<int, std::unique_ptr<int>>(std::make_unique<int>(3)))) == 3);
}

TEST_CASE("a variant without a value cannot be sent", "[standard]") {
    struct throws {
        operator int() const { throw 1; }
    };
    std::variant<std::string, int> broken;
    try {
        broken.emplace<1>(throws());
    } catch (int) {
    }
    if (broken.valueless_by_exception()) CHECK_THROWS_AS(fanout::detail::bytes_of(broken), std::logic_error);
}

TEST_CASE("what holds a value or an error is known by its shape", "[standard]") {
    CHECK(survives(expected<int, std::string>(7)));
    CHECK(survives(expected<int, std::string>(unexpected<std::string>("error"))));
    STATIC_REQUIRE_FALSE(fanout::serializable<expected<int, int*>>);
}

TEST_CASE("owning pointers arrive with the value that they point to", "[standard]") {
    CHECK(*round_trip(std::make_unique<std::string>("text")) == "text");
    CHECK(*round_trip(std::make_shared<std::string>("text")) == "text");
    CHECK(*round_trip(std::make_shared<const int>(7)) == 7);
    CHECK(round_trip(std::unique_ptr<int>()) == nullptr);
}

TEST_CASE("where two pointers shared a value, each has its own afterwards", "[standard]") {
    const auto shared = std::make_shared<int>(7);
    const auto arrived = round_trip(std::pair(shared, shared));
    CHECK(*arrived.first == 7);
    CHECK(*arrived.second == 7);
    CHECK(arrived.first != arrived.second);
}

TEST_CASE("a list of pointers arrives down to its end", "[standard]") {
    node list{1, std::make_unique<node>(2, std::make_unique<node>(3, nullptr))};
    CHECK(round_trip(list).next->next->value == 3);
}

TEST_CASE("a pointer to a base does not cut down what it points to", "[standard]") {
    CHECK(round_trip(std::make_unique<shape>())->corners == 0);
    std::unique_ptr<shape> squared = std::make_unique<square>();
    CHECK_THROWS_WITH(fanout::detail::bytes_of(squared), containing("square, which would be cut down"));
    STATIC_REQUIRE_FALSE(fanout::serializable<std::unique_ptr<abstract>>);
}

TEST_CASE("durations, points in time, complex numbers and bitsets arrive", "[standard]") {
    using namespace std::chrono_literals;
    CHECK(survives(17ms));
    CHECK(survives(std::chrono::duration<double>(0.5)));
    CHECK(survives(std::chrono::system_clock::now()));
    CHECK(survives(std::chrono::steady_clock::now()));
    CHECK(survives(2025y / 12 / 24));
    CHECK(survives(std::complex<double>(1, 2)));
    CHECK(survives(std::vector<std::complex<float>>{{1, 2}, {3, 4}}));
    CHECK(survives(std::bitset<3>(5)));
    CHECK(survives(std::bitset<300>().set(299)));
    CHECK(survives(std::vector<std::bitset<70>>{{1}, {2}}));
}

TEST_CASE("error codes arrive with their category", "[standard]") {
    CHECK(survives(std::make_error_code(std::errc::timed_out)));
    CHECK(survives(std::error_code(5, std::system_category())));
    CHECK(round_trip(std::make_error_code(std::errc::timed_out)) == std::errc::timed_out);

    const auto other = round_trip(std::error_code(3, fanout::detail::category_named("network")));
    CHECK(other.value() == 3);
    CHECK(std::string(other.category().name()) == "network");
    CHECK(survives(other));
}

TEST_CASE("the name of a category ends with its first zero", "[standard]") {
    const auto bytes = fanout::detail::bytes_of(std::pair(3, std::string("cut\0off", 7)));
    CHECK(std::string(fanout::detail::value_from<std::error_code>(bytes).category().name()) == "cut");
}
