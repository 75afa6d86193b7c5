// Results that refer to an element which a view has made for this one call: they are copied while it is there.
#include <fanout/front/parallel.hpp>

#include <functional>
#include <ranges>
#include <string>

#include "catch.hpp"
#include "support/each_backend.hpp"
#include "support/generator.hpp"

using fanout::delayed, fanout::parallel;

TEST_CASE("a reference to an element that lives only for the call is copied in time", "[results]") {
    on_each_backend({.n_jobs = 2}, [](const auto& run) {
        struct person {
            std::string name;
        };
        const auto named = [](int i) {
            return person{"a name that is too long to be kept in place " + std::to_string(i)};
        };
        const auto people = std::views::iota(0, 100) | std::views::transform(named);
        CHECK(run(delayed(&person::name), people)[7] == named(7).name);
        CHECK(run(delayed(&person::name), generate(100, named))[7] == named(7).name);

        const auto names = std::views::iota(0, 100) | std::views::transform([&](int i) { return named(i).name; });
        CHECK(run(delayed(std::identity()), names)[7] == named(7).name);
        const auto name_of_call = [&](int i) { return delayed(std::identity())(named(i).name); };
        CHECK(run(std::views::iota(0, 100) | std::views::transform(name_of_call))[7] == named(7).name);
        CHECK(run.outcomes(delayed(&person::name), people)[7].value() == named(7).name);
    });
}
