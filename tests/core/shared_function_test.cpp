// Tests of shared_function.hpp: any function can be kept, copies share it, and nothing is nothing.
#include <fanout/core/shared_function.hpp>

#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "catch.hpp"

using fanout::shared_function;

namespace {

int added = 0;
void add(int number) { added += number; }

}  // namespace

TEST_CASE("it keeps a function, a lambda with state, and what cannot be copied", "[shared_function]") {
    added = 0;
    const shared_function<int> plain = add;
    const shared_function<int> captures = [own = std::make_unique<int>(40)](int number) { added += *own + number; };
    plain(1);
    captures(2);
    CHECK(added == 43);
}

TEST_CASE("copies share the function and its state", "[shared_function]") {
    int seen = 0;
    const shared_function<> first = [&, count = 0]() mutable { seen = ++count; };
    const shared_function<> second = first;
    first();
    second();
    CHECK(seen == 2);
}

TEST_CASE("what it returns is dropped, and references come through as references", "[shared_function]") {
    const shared_function<int&> twice = [](int& number) { return number *= 2; };
    int number = 21;
    twice(number);
    CHECK(number == 42);
}

TEST_CASE("a null pointer and an empty std::function are nothing", "[shared_function]") {
    CHECK_FALSE(shared_function<int>());
    CHECK_FALSE(shared_function<int>(static_cast<void (*)(int)>(nullptr)));
    CHECK_FALSE(shared_function<int>(std::function<void(int)>()));
    CHECK(shared_function<int>(std::function<void(int)>(add)));
}

TEST_CASE("what cannot be called so cannot be kept", "[shared_function]") {
    STATIC_REQUIRE_FALSE(std::is_convertible_v<int, shared_function<>>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<void (*)(int), shared_function<>>);
}

TEST_CASE("what was moved from is nothing", "[shared_function]") {
    fanout::shared_function<int> given = [](int) {};
    const fanout::shared_function<int> taken = std::move(given);
    CHECK(taken);
    CHECK_FALSE(given);
}
