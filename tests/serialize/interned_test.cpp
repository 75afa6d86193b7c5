// Tests of interned.hpp: things known by their text are made once, and not too many of them.
#include <fanout/serialize/interned.hpp>

#include <array>
#include <latch>
#include <string>
#include <thread>
#include <utility>

#include "catch.hpp"

namespace {

template <int>
struct name {
    explicit name(std::string t) : text_(std::move(t)) {}
    const std::string& text() const { return text_; }
    std::string text_;
};

}  // namespace

TEST_CASE("the same text is the same thing", "[interned]") {
    using names = fanout::detail::interned<name<1>, 10>;
    const auto* first = names::find("a");
    REQUIRE(first != nullptr);
    CHECK(first->text() == "a");
    CHECK(names::find("b") != first);
    CHECK(names::find("a") == first);
}

TEST_CASE("there are not more than were allowed, and those are still found", "[interned]") {
    using names = fanout::detail::interned<name<2>, 3>;
    for (int i = 0; i < 3; ++i) CHECK(names::find(std::to_string(i)) != nullptr);
    CHECK(names::find("3") == nullptr);
    CHECK(names::find("2") != nullptr);
}

TEST_CASE("threads that ask for the same text at the same time get the same thing", "[interned]") {
    using names = fanout::detail::interned<name<3>, 1000>;
    std::array<std::array<const name<3>*, 500>, 4> found{};
    {
        std::latch together(4);
        std::array<std::jthread, 4> threads;
        for (std::size_t i = 0; i < 4; ++i)
            threads[i] = std::jthread([&, i] {
                together.arrive_and_wait();
                for (std::size_t n = 0; n < 500; ++n) found[i][n] = names::find(std::to_string(n));
            });
    }
    CHECK(found[0] == found[1]);
    CHECK(found[0] == found[2]);
    CHECK(found[0] == found[3]);
    CHECK(names::find("499") == found[0][499]);
}
