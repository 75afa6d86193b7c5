// Tests of delayed.hpp: what can be delayed, what a delayed call keeps, and who is given a stop token.
#include <fanout/core/delayed.hpp>

#include <cmath>
#include <functional>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>

#include "catch.hpp"

using fanout::delayed;

namespace {

int twice(int i) { return 2 * i; }
int twice_noexcept(int i) noexcept { return 2 * i; }

struct person {
    std::string name;
    int age = 0;
    int older_by(int years) const { return age + years; }
    int age_noexcept() const noexcept { return age; }
    void rename(const std::string& to) { name = to; }
};

struct overloaded {
    std::string operator()(int) const { return "int"; }
    std::string operator()(std::stop_token, int) const { return "token and int"; }
};

template <class F, class... Args>
constexpr bool callable = fanout::detail::callable<F, Args...>;
template <class F, class... Args>
constexpr bool wants_token = fanout::detail::wants_stop_token<F, Args...>;

}  // namespace

TEST_CASE("functions, lambdas, functors, members and std::functions can be delayed", "[delayed]") {
    CHECK(delayed(twice)(21)() == 42);
    CHECK(delayed(&twice)(21)() == 42);
    CHECK(delayed(twice_noexcept)(21)() == 42);
    CHECK(delayed([](int i) { return 2 * i; })(21)() == 42);
    CHECK(delayed(std::plus<>())(1, 2)() == 3);
    CHECK(delayed(std::function<int(int)>(twice))(21)() == 42);
    const person anna{"Anna", 30};
    CHECK(delayed(&person::older_by)(anna, 3)() == 33);
    CHECK(delayed(&person::age_noexcept)(anna)() == 30);
    CHECK(delayed(&person::name)(anna)() == "Anna");
    CHECK(delayed(&person::name)(&anna)() == "Anna");
    CHECK(delayed(&person::age)(std::make_shared<person>(anna))() == 30);
}

TEST_CASE("a null function cannot be delayed", "[delayed][bad-input]") {
    int (*null_function)(int) = nullptr;
    int person::* null_member = nullptr;
    CHECK_THROWS_AS(delayed(null_function), std::invalid_argument);
    CHECK_THROWS_AS(delayed(null_member), std::invalid_argument);
    CHECK_THROWS_AS(delayed(std::function<void()>()), std::invalid_argument);
    CHECK_THROWS_WITH(delayed(null_function),
                      "fanout::delayed: the function is null; give it a function that can be called");
}

TEST_CASE("a call keeps copies of its arguments", "[delayed]") {
    std::string word = "before";
    auto call = delayed([](const std::string& s) { return s; })(word);
    word = "after";
    CHECK(call() == "before");
}

TEST_CASE("std::ref keeps a reference", "[delayed]") {
    std::string word = "before";
    const auto append = delayed([](std::string& s) { s += "!"; })(std::ref(word));
    append();
    append();
    CHECK(word == "before!!");
    person anna{"Anna", 30};
    delayed (&person::rename)(std::ref(anna), "Bea")();
    CHECK(anna.name == "Bea");
}

TEST_CASE("as an lvalue a call can be made again, as an rvalue it gives its arguments away", "[delayed]") {
    auto length = delayed([](std::string s) { return s.size(); })(std::string("four"));
    CHECK(length() == 4);
    CHECK(std::as_const(length)() == 4);
    CHECK(length() == 4);

    auto owned = delayed([](std::unique_ptr<int> p) { return *p; })(std::make_unique<int>(7));
    CHECK(std::move(owned)() == 7);
    STATIC_REQUIRE_FALSE(std::is_invocable_v<decltype(owned)&>);
}

TEST_CASE("a call may change its own arguments, unless it is const", "[delayed]") {
    auto count = delayed([](int& i) { return ++i; })(0);
    CHECK(count() == 1);
    CHECK(count() == 2);
    STATIC_REQUIRE_FALSE(std::is_invocable_v<const decltype(count)&>);
}

TEST_CASE("nothing runs when a function is delayed or its arguments are given", "[delayed]") {
    int runs = 0;
    auto call = delayed([&] { ++runs; })();
    CHECK(runs == 0);
    call();
    CHECK(runs == 1);
}

TEST_CASE("a token goes only to a function that cannot be called without one", "[delayed][token]") {
    const auto plain = [](int) {};
    const auto with_token = [](std::stop_token, int) {};
    const auto generic = [](auto...) {};
    const auto generic_first = [](auto, int) {};
    const auto optional_second = [](int, int = 0) {};
    STATIC_REQUIRE(callable<decltype(plain), int>);
    STATIC_REQUIRE_FALSE(wants_token<decltype(plain), int>);
    STATIC_REQUIRE(wants_token<decltype(with_token), int>);
    STATIC_REQUIRE_FALSE(wants_token<decltype(generic), int>);
    STATIC_REQUIRE_FALSE(wants_token<decltype(generic_first), int, int>);
    STATIC_REQUIRE_FALSE(wants_token<decltype(optional_second), int>);
    STATIC_REQUIRE_FALSE(wants_token<overloaded, int>);
    STATIC_REQUIRE_FALSE(callable<decltype(plain), std::string>);
    STATIC_REQUIRE_FALSE(callable<decltype(with_token)>);
    CHECK(delayed(overloaded())(1)() == "int");
}

TEST_CASE("a generic function that can be called is not tried with a token", "[delayed][token]") {
    // With one its body would not compile.
    const auto root = delayed([](auto&&... x) { return std::sqrt(x...); });
    CHECK(root(9.0)() == 3);
}

TEST_CASE("a call of a function that takes a token is made with one", "[delayed][token]") {
    std::stop_source source;
    source.request_stop();
    auto call = delayed([](std::stop_token told, std::unique_ptr<int>& p, int i) {
        return told.stop_requested() ? *p + i : -1;
    })(std::make_unique<int>(40), 2);
    CHECK(call(source.get_token()) == 42);
    CHECK(call(std::stop_token()) == -1);
    STATIC_REQUIRE_FALSE(std::is_invocable_v<decltype(call)&>);

    auto gives_away = delayed([](std::stop_token, std::unique_ptr<int> p) { return *p; })(std::make_unique<int>(7));
    CHECK(std::move(gives_away)(std::stop_token()) == 7);
    const auto again = delayed([](std::stop_token, const std::string& s) { return s; })("word");
    CHECK(again(std::stop_token()) == "word");
}

TEST_CASE("a result that is a reference stays one", "[delayed]") {
    std::string word = "before";
    const auto call = delayed([](std::string& s) -> std::string& { return s; })(std::ref(word));
    STATIC_REQUIRE(std::is_same_v<decltype(call()), std::string&>);
    CHECK(&call() == &word);
}

TEST_CASE("delaying works at compile time", "[delayed]") {
    constexpr auto sum = [](int x, int y) { return x + y; };
    STATIC_REQUIRE(delayed(sum)(1, 2)() == 3);
}
