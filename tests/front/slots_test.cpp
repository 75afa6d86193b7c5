// Tests of slots.hpp: where results are kept, and how they come out.
#include <fanout/front/slots.hpp>

#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "catch.hpp"

using namespace fanout::detail;

namespace {

struct no_default {
    explicit no_default(int v) : value(v) {}
    int value;
};

/// With an assignment of its own, which nothing that has no value yet may see.
struct looks_before_it_is_assigned {
    int value = 7;
    looks_before_it_is_assigned() noexcept = default;
    looks_before_it_is_assigned(const looks_before_it_is_assigned&) = default;
    looks_before_it_is_assigned& operator=(const looks_before_it_is_assigned& other) {
        value = value == 7 ? other.value : -1;
        return *this;
    }
};

struct never_assigned {
    const int value = 0;
};

template <class R>
using slot = typename slot_kind_for<R>::slot;

}  // namespace

TEST_CASE("results that are cheap to make empty are kept as they are, others in an optional, bool in a byte",
          "[slots]") {
    STATIC_REQUIRE(std::is_same_v<slot<int>, int>);
    STATIC_REQUIRE(std::is_same_v<slot<std::string>, std::string>);
    STATIC_REQUIRE(std::is_same_v<slot<std::unique_ptr<int>>, std::unique_ptr<int>>);
    STATIC_REQUIRE_FALSE(std::is_same_v<slot<no_default>, no_default>);
    STATIC_REQUIRE_FALSE(std::is_same_v<slot<never_assigned>, never_assigned>);
    STATIC_REQUIRE(std::is_same_v<slot<bool>, unsigned char>);
}

TEST_CASE("growing slots have a place of its own for each index, over the borders of all blocks", "[slots]") {
    constexpr std::size_t size = 100'000;
    growing_slots<in_place<std::size_t>> slots;
    std::vector<std::size_t*> places;
    for (std::size_t grown = 0; grown < size; ++grown) {
        slots.grow_to(grown + 1);
        places.push_back(&slots[grown]);
        *places.back() = grown;
    }
    std::size_t right = 0;
    for (std::size_t i = 0; i < size; ++i) right += slots[i] == i && &slots[i] == places[i];  // none has moved
    CHECK(right == size);
    CHECK(std::set(places.begin(), places.end()).size() == size);
    const std::vector<std::size_t> taken = slots.take(size);
    CHECK(taken.size() == size);
    CHECK(taken.back() == size - 1);
}

TEST_CASE("growing slots can grow by any number at once, and not at all", "[slots]") {
    growing_slots<in_place<int>> slots;
    slots.grow_to(0);
    CHECK(slots.take(0).empty());
    slots.grow_to(100'000);
    slots.grow_to(10);
    slots[0] = 1;
    slots[99'999] = 2;
    CHECK(slots[0] + slots[99'999] == 3);
    CHECK(slots.take(1) == std::vector{1});  // what was grown in advance is not taken
}

TEST_CASE("fixed slots give out their results in order", "[slots]") {
    fixed_slots<in_place<int>> numbers;
    numbers.grow_to(3);
    for (int i = 0; i < 3; ++i) numbers[static_cast<std::size_t>(i)] = i;
    CHECK(numbers.take(3) == std::vector{0, 1, 2});

    fixed_slots<byte_for_bool> bits;
    bits.grow_to(3);
    for (const std::size_t i : {0u, 1u, 2u}) bits[i] = i == 1;
    CHECK(bits.take(3) == std::vector{false, true, false});

    growing_slots<byte_for_bool> more_bits;
    more_bits.grow_to(3);
    more_bits[1] = true;
    CHECK(more_bits.take(3) == std::vector{false, true, false});
}

TEST_CASE("what is put into a fixed slot is made there, not assigned to what nobody has made", "[slots]") {
    fixed_slots<in_place<looks_before_it_is_assigned>> slots;
    slots.grow_to(1'000);
    for (std::size_t i = 0; i < 1'000; ++i) {
        looks_before_it_is_assigned number;
        number.value = static_cast<int>(i);
        in_place<looks_before_it_is_assigned>::fill(slots[i], [&] { return number; });
    }
    const auto taken = slots.take(1'000);
    std::size_t right = 0;
    for (std::size_t i = 0; i < 1'000; ++i) right += taken[i].value == static_cast<int>(i);
    CHECK(right == 1'000);
}

TEST_CASE("void tasks have nothing to keep", "[slots]") {
    no_slots none;
    none.grow_to(100);
    STATIC_REQUIRE(std::is_empty_v<no_slots>);
}
