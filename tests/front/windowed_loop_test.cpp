// Tests of windowed_loop.hpp: what a backend sees of a loop whose results are taken while it runs.
#include <fanout/front/parallel.hpp>
#include <fanout/front/windowed_loop.hpp>

#include <cstddef>
#include <functional>
#include <list>
#include <optional>
#include <ranges>
#include <vector>

#include "catch.hpp"

using fanout::delayed, fanout::parallel;

namespace {

struct seen {
    std::optional<std::size_t> size;
    std::vector<std::size_t> chunks;
};

template <bool AsItGoes>
struct looks_on {
    static constexpr bool claims_as_it_goes = AsItGoes;
    seen* what;

    void run(fanout::job& work, int) const {
        what->size = work.size();
        while (const auto tasks = work.claim(1'000'000)) {
            what->chunks.push_back(tasks.size());
            work.run(tasks, 0);
        }
    }
};

const auto same = delayed([](int i) { return i; });

}  // namespace

TEST_CASE("the number of tasks is told to who claims as he goes, and to nobody else", "[windowed_loop]") {
    seen what;
    const auto numbers = std::views::iota(0, 100);
    CHECK(parallel(2, looks_on<true>{&what}).reduce(0, std::plus<>(), same, numbers) == 4950);
    CHECK(what.size == 100u);
    CHECK(parallel(2, looks_on<false>{&what}).reduce(0, std::plus<>(), same, numbers) == 4950);
    CHECK(!what.size);
    CHECK(parallel(2, looks_on<true>{&what}).reduce(0, std::plus<>(), same, std::list{1, 2}) == 3);
    CHECK(!what.size);
}

TEST_CASE("whoever claims all that there is gets a chunk, or as many as the user says", "[windowed_loop]") {
    seen what;
    CHECK(parallel({.n_jobs = 2, .pre_dispatch = 12}, looks_on<true>{&what})
              .reduce(0, std::plus<>(), same, std::views::iota(0, 100)) == 4950);
    CHECK(what.chunks.front() == 1);  // nothing is known yet of how long tasks take
    for (const std::size_t each : what.chunks) CHECK(each <= 3);
}

TEST_CASE("an index comes with each result that is taken out of order", "[windowed_loop]") {
    const fanout::indexed<int> result{.index = 3, .value = 9};
    const auto [index, value] = result;
    CHECK((index == 3 && value == 9));
}
