// Tests of containers.hpp: strings and the standard's containers arrive as they were.
#include <fanout/serialize/containers.hpp>

#include <cstdint>
#include <deque>
#include <forward_list>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <memory_resource>
#include <numeric>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "catch.hpp"
#include "support/round_trip.hpp"

namespace {

struct pod {
    int id;
    double x;
    bool operator==(const pod&) const = default;
};

/// Looks like a vector, and is more.
struct named_numbers : std::vector<int> {
    std::string name;
};

}  // namespace

TEST_CASE("strings of all characters arrive, empty ones and long ones too", "[containers]") {
    CHECK(survives(std::string()));
    CHECK(survives(std::string("text")));
    CHECK(survives(std::string("with\0zero", 9)));
    CHECK(survives(std::wstring(L"wide")));
    CHECK(survives(std::u8string(u8"eight")));
    CHECK(survives(std::u16string(u"sixteen")));
    CHECK(survives(std::u32string(U"thirty-two")));
    CHECK(survives(std::pmr::string("of another allocator")));
    CHECK(survives(std::string(1'000'000, 'x')));
    CHECK(survives(std::u32string(100'001, U'y')));
}

TEST_CASE("vectors arrive, of what is copied at once and of what is not", "[containers]") {
    CHECK(survives(std::vector<int>()));
    CHECK(survives(std::vector{1, 2, 3}));
    std::vector<double> many(1'000'003);
    std::iota(many.begin(), many.end(), 0.0);
    CHECK(survives(many));
    CHECK(survives(std::vector<pod>{{1, 2.0}, {3, 4.0}}));
    CHECK(survives(std::vector<std::string>{"a", "", "ccc"}));
    CHECK(survives(std::vector<std::vector<std::vector<int>>>{{{1, 2}, {}}, {}, {{3}}}));
    CHECK(survives(std::vector<std::pair<int, std::string>>{{1, "one"}, {2, "two"}}));
}

TEST_CASE("a vector<bool> takes a bit for each bool", "[containers]") {
    for (const std::size_t size : {0u, 1u, 7u, 8u, 9u, 64u, 1001u}) {
        std::vector<bool> bits(size);
        for (std::size_t i = 0; i < size; i += 3) bits[i] = true;
        CHECK(survives(bits));
        CHECK(fanout::detail::bytes_of(bits).size() == sizeof(std::size_t) + (size + 7) / 8);
    }
    CHECK(survives(std::vector<std::vector<bool>>{{true, false}, {}, {true}}));
}

TEST_CASE("deques and lists arrive", "[containers]") {
    CHECK(survives(std::deque<int>{1, 2, 3}));
    CHECK(survives(std::deque<bool>{true, false}));
    CHECK(survives(std::list<std::string>{"a", "b"}));
    CHECK(survives(std::forward_list<int>{1, 2, 3}));
    CHECK(survives(std::forward_list<std::string>()));
    CHECK(survives(std::list<std::list<int>>{{1}, {}, {2, 3}}));
}

TEST_CASE("sets and maps of all kinds arrive", "[containers]") {
    CHECK(survives(std::set<int>{3, 1, 2}));
    CHECK(survives(std::set<std::string, std::greater<>>{"a", "b"}));
    CHECK(survives(std::multiset<int>{1, 1, 2}));
    CHECK(survives(std::unordered_set<std::string>{"a", "b"}));
    CHECK(survives(std::unordered_multiset<int>{1, 1, 2}));
    CHECK(survives(std::map<std::string, int>{{"a", 1}, {"b", 2}}));
    CHECK(survives(std::map<int, std::map<int, std::vector<int>>>{{1, {{2, {3, 4}}}}, {5, {}}}));
    CHECK(survives(std::multimap<int, std::string>{{1, "a"}, {1, "b"}}));
    CHECK(survives(std::unordered_map<std::string, double>{{"a", 1}, {"b", 2}}));
    CHECK(survives(std::unordered_multimap<int, int>{{1, 1}, {1, 2}}));
    CHECK(survives(std::map<int, int>()));
}

TEST_CASE("containers of what can only be moved arrive", "[containers]") {
    std::map<int, std::unique_ptr<std::string>> map;
    map.emplace(1, std::make_unique<std::string>("one"));
    map.emplace(2, nullptr);
    const auto arrived = round_trip(map);
    CHECK(*arrived.at(1) == "one");
    CHECK(arrived.at(2) == nullptr);

    std::list<std::unique_ptr<int>> list;
    list.push_back(std::make_unique<int>(7));
    CHECK(*round_trip(list).front() == 7);

    std::vector<std::unique_ptr<int>> vector;
    vector.push_back(std::make_unique<int>(8));
    CHECK(*round_trip(vector)[0] == 8);
}

TEST_CASE("what was in a container before it is read is gone", "[containers]") {
    const auto bytes = fanout::detail::bytes_of(std::vector{1, 2});
    fanout::detail::memory_source source(bytes.data(), bytes.size());
    fanout::reader from(source);
    std::vector<int> numbers{7, 8, 9};
    from(numbers);
    CHECK(numbers == std::vector{1, 2});
}

TEST_CASE("a class that has inherited a container is not taken for one", "[containers]") {
    STATIC_REQUIRE_FALSE(fanout::serializable<named_numbers>);
}

TEST_CASE("memory grows with the bytes that are there, not with those that are announced", "[containers]") {
    // Half of what is claimed is missing, and nothing is believed.
    const auto read_cut = []<class T>(const T& value) {
        const auto bytes = fanout::detail::bytes_of(value);
        fanout::detail::memory_source all(bytes.data(), bytes.size(), 0);
        fanout::reader from(all);
        CHECK(from.read<T>() == value);
        fanout::detail::memory_source half(bytes.data(), bytes.size() / 2, 0);
        fanout::reader from_half(half);
        CHECK_THROWS_AS(from_half.read<T>(), fanout::decode_error);
    };
    read_cut(std::vector<double>(100'000, 0.5));
    read_cut(std::vector<std::string>(1'000, "text"));
    read_cut(std::string(200'000, 'x'));
    read_cut(std::vector<bool>(10'000, true));
    read_cut(std::unordered_map<int, int>{{1, 2}, {3, 4}});
}
