// Tests of owned.hpp.
#include <fanout/core/owned.hpp>

#include <utility>

#include "catch.hpp"
#include "support/counted.hpp"

using fanout::detail::owned;

namespace {
struct node {
    counted value{1};
    owned<node> next{};
};
}  // namespace

TEST_CASE("what is owned is destroyed once, by whoever has it last", "[owned]") {
    {
        owned<counted> one(new counted(1));
        owned<counted> two(std::move(one));
        CHECK_FALSE(one);
        CHECK(two->value == 1);
        two = owned<counted>(new counted(2));
        CHECK(counted::alive == 1);
        CHECK((*two).value == 2);
    }
    CHECK(counted::alive == 0);
}

TEST_CASE("a list can be shortened by moving its rest to its front", "[owned]") {
    owned<node> first(new node());
    first->next = owned<node>(new node());
    CHECK(counted::alive == 2);
    first = std::move(first->next);
    CHECK(counted::alive == 1);
    first = std::move(first->next);
    CHECK(counted::alive == 0);
}
