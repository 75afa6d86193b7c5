// Tests of settings.hpp: an initializer is anything that can be called.
#include <fanout/processes/settings.hpp>

#include <memory>
#include <string>
#include <type_traits>

#include "catch.hpp"

using fanout::worker_initializer;

namespace {
int called = 0;
void plain_function() { ++called; }
}  // namespace

TEST_CASE("an initializer may be nothing, a function, or a lambda with captures that cannot be copied", "[settings]") {
    CHECK_FALSE(worker_initializer());
    const worker_initializer plain = plain_function;
    REQUIRE(plain);
    plain();
    CHECK(called == 1);
    const worker_initializer captures = [own = std::make_unique<int>(41)] { called += *own; };
    const worker_initializer copy = captures;
    copy();
    CHECK(called == 42);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<int, worker_initializer>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<int (*)(int), worker_initializer>);
}
