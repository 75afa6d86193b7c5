// Tests of unfilled_vector.hpp: a vector like any other, whose elements nobody has written before they are assigned.
#include <fanout/core/unfilled_vector.hpp>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <stdexcept>
#include <utility>
#include <vector>

#include "catch.hpp"

using fanout::detail::open_vector, fanout::detail::unfilled_vector;

namespace {

/// Trivially destructible, yet it can be seen whether anybody made one.
struct counted {
    counted() noexcept { ++made; }
    int value = 0;
    static inline int made = 0;
};

}  // namespace

TEST_CASE("an unfilled vector has its size, and becomes an ordinary one as it is filled", "[unfilled_vector]") {
    for (const std::size_t size : {0u, 1u, 2u, 1'000u, 1'000'003u}) {
        auto numbers = unfilled_vector<int>(size);
        REQUIRE(numbers.size() == size);
        std::iota(numbers.begin(), numbers.end(), 0);

        const std::vector<int> copy = numbers;
        numbers.push_back(-1);  // has to move all of them
        CHECK(numbers.size() == size + 1);
        CHECK(numbers.back() == -1);
        CHECK(std::equal(copy.begin(), copy.end(), numbers.begin()));

        std::vector<int> other = std::move(numbers);
        other.resize(size / 2);
        CHECK(other.size() == size / 2);
        other.insert(other.begin(), copy.begin(), copy.end());
        CHECK(other.size() == size + size / 2);
    }
}

TEST_CASE("no element is made before it is wanted, where the library's vector can be opened", "[unfilled_vector]") {
    const auto some = unfilled_vector<counted>(1'000);
    CHECK(some.size() == 1'000);
    CHECK(counted::made == (open_vector<counted>::opens && open_vector<counted>::has_one_size ? 0 : 1'000));
#if defined(__GLIBCXX__)
    STATIC_REQUIRE(open_vector<counted>::opens);
#endif
}

TEST_CASE("more elements than can be are refused as by any vector", "[unfilled_vector]") {
    CHECK_THROWS_AS(unfilled_vector<double>(static_cast<std::size_t>(-1)), std::length_error);
}
