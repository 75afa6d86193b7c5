// What happens while the parent reads a long result of one worker: nothing else, whatever the others do meanwhile.
#include <fanout/processes/processes.hpp>

#include <fanout/fanout.hpp>

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

#include "catch.hpp"

using fanout::delayed, fanout::parallel, fanout::processes;
using namespace std::chrono_literals;

namespace {

/// Read by somebody who is not prepared to be called again before he has returned.
struct long_text {
    std::string text;
};
int readers = 0;
bool was_entered_twice = false;
std::string scratch;

constexpr std::size_t longer_than_a_ring = 3'000'000;

}  // namespace

template <>
struct fanout::codec<long_text> {
    static void write(writer& to, const long_text& it) { to(it.text); }
    static long_text read(reader& from) {
        was_entered_twice = was_entered_twice || ++readers > 1;
        scratch.clear();
        scratch = from.read<std::string>();
        long_text it{scratch};
        --readers;
        return it;
    }
};

TEST_CASE("a codec is not entered again while it reads, also when other workers finish or die", "[processes]") {
    for (const bool some_die : {false, true}) {
        const auto outcomes = parallel({.n_jobs = 4, .batch_size = 1}, processes{.retries = 0})
                                  .outcomes(delayed([&](int i) {
                                                if (some_die && i % 7 == 3) _exit(1);
                                                return long_text{std::string(i % 2 ? longer_than_a_ring : 5, char(i))};
                                            }),
                                            std::views::iota(0, 40));
        for (int i = 0; i < 40; ++i) {
            const auto& one = outcomes[static_cast<std::size_t>(i)];
            REQUIRE(one.has_value() == !(some_die && i % 7 == 3));
            if (one) REQUIRE(one->text == std::string(i % 2 ? longer_than_a_ring : 5, char(i)));
        }
    }
    CHECK_FALSE(was_entered_twice);
}

TEST_CASE("a result whose reading broke off is no message", "[processes][failures]") {
    for (int round = 0; round < 60; ++round) {
        CHECK_THROWS_AS(parallel({.n_jobs = 4, .batch_size = 1}, processes{})(delayed([](int i) -> std::string {
                                                                                  if (i == 7) throw 42;
                                                                                  if (i % 5 == 0)
                                                                                      return std::string(
                                                                                          longer_than_a_ring, 'x');
                                                                                  return std::to_string(i);
                                                                              }),
                                                                              std::views::iota(0, 18)),
                        int);
    }
}

TEST_CASE("the exception of a task arrives, however many tasks there are", "[processes][failures]") {
    const auto fails = delayed([](std::size_t i) {
        if (i == 5) throw std::out_of_range("five");
    });
    CHECK_THROWS_AS(parallel(2, processes{})(fails, std::views::iota(std::size_t{0}, std::size_t{1} << 40)),
                    std::out_of_range);
}

TEST_CASE("exit in a task writes nothing that the program has written", "[processes][failures]") {
    std::FILE* const file = std::tmpfile();
    REQUIRE(file);
    std::fputs("header\n", file);
    const auto outcomes = parallel(2, processes{})
                              .outcomes(delayed([](int i) {
                                            if (i == 2) std::exit(1);
                                            return i;
                                        }),
                                        std::views::iota(0, 4));
    CHECK_FALSE(outcomes[2].has_value());
    std::fflush(file);
    CHECK(std::ftell(file) == 7);
    std::fseek(file, 0, SEEK_END);
    CHECK(std::ftell(file) == 7);
    std::fclose(file);
}
