// Tests of co_owned.hpp.
#include <fanout/core/co_owned.hpp>

#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/counted.hpp"

using fanout::detail::co_owned, fanout::detail::counts_owners, fanout::detail::with_owners;

namespace {
struct base : counts_owners {
    int number = 0;
};
struct derived : base {
    counted value{7};
};
}  // namespace

TEST_CASE("what is owned by several is destroyed once, with the last of them", "[co_owned]") {
    {
        co_owned<const base> kept;
        CHECK_FALSE(kept);
        {
            const co_owned<const base> one(new derived());
            const co_owned<const base> two = one;
            CHECK(two.get() == one.get());
            kept = two;
        }
        CHECK(counted::alive == 1);
        CHECK(kept->number == 0);
        co_owned<const base> last = std::move(kept);
        CHECK_FALSE(kept);
        CHECK((*last).number == 0);
        last = co_owned<const base>(last.get());  // an owner more, made from the object itself
        CHECK(counted::alive == 1);
        last = {};
        CHECK(counted::alive == 0);
    }
    CHECK(counted::alive == 0);
}

TEST_CASE("a pointer that is assigned to itself keeps its object", "[co_owned]") {
    co_owned<derived> one(new derived());
    const co_owned<derived>& same = one;
    one = same;
    CHECK(counted::alive == 1);
    CHECK(one->value.value == 7);
}

TEST_CASE("a value need not count its owners itself", "[co_owned]") {
    const co_owned<const with_owners<int>> number(new with_owners<int>(5));
    CHECK(number->value == 5);
}

TEST_CASE("owners may come and go in different threads", "[co_owned]") {
    {
        const co_owned<derived> one(new derived());
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([one] {
                for (int times = 0; times < 10'000; ++times) {
                    const co_owned<derived> another = one;
                    static_cast<void>(co_owned<derived>(another));
                }
            });
        for (std::thread& each : threads) each.join();
        CHECK(counted::alive == 1);
    }
    CHECK(counted::alive == 0);
}
