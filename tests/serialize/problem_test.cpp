// Tests of problem.hpp: a reason, the type and where it was found, as one text.
#include <fanout/serialize/problem.hpp>

#include <string>
#include <vector>

#include "catch.hpp"
#include "support/matchers.hpp"

using namespace fanout::detail;

namespace {

struct node {
    int number;
    int* next;
};

}  // namespace

TEST_CASE("a problem is told from the inside to the outside", "[problem]") {
    const std::string text = text_of(problem<why::pointer, int*, within<std::vector<node>>, member<2, node>>());
    CHECK_THAT(text, starting_with("fanout: int*, in member 2 of "));
    CHECK_THAT(text, containing("node, in std::vector<"));
    CHECK_THAT(text, ending_with(" cannot be sent to another process: a pointer means nothing in another process: hold "
                                 "the value, or a std::unique_ptr to it"));
}

TEST_CASE("every reason has a text of its own, and what is fine has none", "[problem]") {
    std::vector<std::string> texts;
    for (int reason = 0; reason <= static_cast<int>(why::unknown); ++reason)
        texts.emplace_back(text_of(static_cast<why>(reason)));
    CHECK(texts[0].empty());
    for (std::size_t i = 1; i < texts.size(); ++i) {
        CHECK(texts[i].size() > 20);
        for (std::size_t j = 1; j < i; ++j) CHECK(texts[i] != texts[j]);
    }
}

TEST_CASE("where there is no problem nothing is refused", "[problem]") { static_assert(expect(no_problem())); }
