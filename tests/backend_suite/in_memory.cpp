// What tasks in the same process can do, and no others: touch the caller's variables, and give what cannot be written.
#include <fanout/front/parallel.hpp>

#include <list>
#include <ranges>
#include <string>
#include <vector>

#include "backend_suite.hpp"
#include "catch.hpp"
#include "support/counted.hpp"
#include "support/generator.hpp"

using fanout::delayed, fanout::parallel;

namespace {

/// To be given to `parallel` as a backend that stays in the process.
struct in_this_process {
    static constexpr const char* name = "tested backend";
    const backend_suite::tested_backend* which;
    void run(fanout::job& work, int n_jobs) const { which->run(work, n_jobs); }
};

}  // namespace

namespace backend_suite {

void check_in_memory(const tested_backend& backend) {
    const in_this_process here{&backend};

    SECTION("elements are given as they stand in the range, and can be changed there") {
        for (const int n_jobs : {1, 3}) {
            std::vector<int> numbers(300, 1);
            std::list<int> list(300, 1);
            const auto add_one = [](int& i) { ++i; };
            parallel(n_jobs, here)(delayed(add_one), numbers);
            parallel(n_jobs, here)(delayed(add_one), list);
            CHECK(numbers == std::vector(300, 2));
            CHECK(list == std::list<int>(300, 2));
            const auto address = [](const int& element) { return &element; };
            CHECK(parallel(n_jobs, here)(delayed(address), numbers)[299] == &numbers[299]);
        }
    }

    SECTION("what tasks have written is seen by the caller when the call returns") {
        for (int round = 0; round < 50; ++round) {
            std::vector<std::string> written(100);
            const auto write = [&](std::size_t i) { written[i] = std::to_string(i); };
            parallel(3, here)(delayed(write), std::views::iota(std::size_t(0), written.size()));
            for (std::size_t i = 0; i < written.size(); ++i) REQUIRE(written[i] == std::to_string(i));
        }
    }

    SECTION("each result that was made is destroyed once") {
        for (const int n_jobs : {1, 3}) {
            const auto make = [](int i) { return counted(i); };
            {
                const auto results = parallel(n_jobs, here)(delayed(make), std::views::iota(0, 200));
                CHECK(counted::alive == 200);
                CHECK(results[199].value == 199);
            }
            CHECK(counted::alive == 0);
            const auto fails = [](int i) {
                if (i == 100) throw i;
                return counted(i);
            };
            CHECK_THROWS_AS(parallel(n_jobs, here)(delayed(fails), generate(200, [](int i) { return i; })), int);
            CHECK(counted::alive == 0);
        }
    }
}

}  // namespace backend_suite
