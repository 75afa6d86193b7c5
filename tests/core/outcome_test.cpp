// Tests of outcome.hpp: a value or the account of a failure.
#include <fanout/core/outcome.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "catch.hpp"
#include "support/matchers.hpp"

using fanout::failure, fanout::nothing, fanout::outcome;

namespace {

failure out_of_range_failure() {
    return {.index = 7,
            .type = "std::out_of_range",
            .what = "far",
            .worker = 1,
            .backend = "threads",
            .exception = std::make_exception_ptr(std::out_of_range("far"))};
}

struct never_assigned {
    const int value;
};

}  // namespace

TEST_CASE("an outcome with a value gives it, and has no error", "[outcome]") {
    outcome<std::string> done(std::in_place, "text");
    CHECK(done.has_value());
    CHECK(static_cast<bool>(done));
    CHECK(*done == "text");
    CHECK(std::as_const(done)->size() == 4);
    CHECK(std::as_const(done).value() == "text");
    CHECK(done.value_or("other") == "text");
    done.value() += "!";
    *done += "!";
    done->append("!");
    CHECK(*std::move(done) == "text!!!");
    CHECK_THROWS_AS(done.error(), std::logic_error);
}

TEST_CASE("an outcome with a failure tells what is known, and value() throws the task's own exception", "[outcome]") {
    const outcome<int> failed(out_of_range_failure());
    CHECK_FALSE(failed.has_value());
    CHECK_FALSE(failed);
    CHECK(failed.error().index == 7);
    CHECK(failed.error().type == "std::out_of_range");
    CHECK(failed.error().what == "far");
    CHECK(failed.error().attempts == 1);
    CHECK(failed.error().worker == 1);
    CHECK_THROWS_AS(failed.value(), std::out_of_range);
    CHECK_THROWS_AS(outcome<int>(failed).value(), std::out_of_range);
    CHECK(failed.value_or(3) == 3);
}

TEST_CASE("a failure's message is one line for a log", "[outcome]") {
    CHECK(out_of_range_failure().message() == "task 7 failed on threads (worker 1): std::out_of_range: far");
}

TEST_CASE("an outcome that belongs to no task says so", "[outcome]") {
    const outcome<int> none;
    CHECK_FALSE(none.has_value());
    CHECK_THROWS_AS(none.value(), std::logic_error);
    CHECK_THROWS_WITH(none.value(), containing("belongs to no task"));
    CHECK_THAT(none.error().what, containing("belongs to no task"));
    CHECK(none.value_or(3) == 3);
}

TEST_CASE("an outcome can be made a success or a failure in place, and back", "[outcome]") {
    outcome<never_assigned> changing;
    changing.emplace(1);
    CHECK(changing->value == 1);
    changing.fail(out_of_range_failure());
    CHECK_FALSE(changing.has_value());
    CHECK(changing.error().index == 7);
    changing.emplace(2);
    CHECK(changing.value().value == 2);
    CHECK_THROWS_AS(changing.error(), std::logic_error);
}

TEST_CASE("copies of an outcome share its failure, and have values of their own", "[outcome]") {
    outcome<std::string> original(std::in_place, "text");
    outcome<std::string> copy = original;
    *copy += "!";
    CHECK(*original == "text");
    original = outcome<std::string>(out_of_range_failure());
    copy = original;
    CHECK(&copy.error() == &original.error());
}

TEST_CASE("an outcome of something that can only be moved can be moved", "[outcome]") {
    outcome<std::unique_ptr<int>> owner(std::in_place, std::make_unique<int>(7));
    STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<decltype(owner)>);
    outcome<std::unique_ptr<int>> other = std::move(owner);
    const std::unique_ptr<int> taken = std::move(other).value();
    CHECK(*taken == 7);
    CHECK(outcome<std::unique_ptr<int>>(out_of_range_failure()).value_or(nullptr) == nullptr);
}

TEST_CASE("the outcome of a void function has nothing as its value", "[outcome]") {
    outcome<void> done;
    CHECK_FALSE(done.has_value());
    done.emplace();
    CHECK(done.has_value());
    CHECK(done.value() == nothing());
    CHECK_THROWS_AS(outcome<void>(out_of_range_failure()).value(), std::out_of_range);
}

TEST_CASE("results are kept as values", "[outcome]") {
    STATIC_REQUIRE(std::is_same_v<fanout::detail::kept_result<const std::string&>, std::string>);
    STATIC_REQUIRE(std::is_same_v<fanout::detail::kept_result<const int>, int>);
    STATIC_REQUIRE(std::is_same_v<fanout::detail::kept_result<void>, nothing>);
}

TEST_CASE("the exception that is being handled becomes a failure", "[outcome]") {
    try {
        throw std::domain_error("no");
    } catch (...) {
        const failure why = fanout::detail::describe_current_exception(3, 2, "threads");
        CHECK(why.message() == "task 3 failed on threads (worker 2): std::domain_error: no");
        CHECK_THROWS_AS(std::rethrow_exception(why.exception), std::domain_error);
    }
}
