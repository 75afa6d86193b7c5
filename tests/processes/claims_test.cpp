// Tests of claims.hpp, with threads in place of workers: every task has one owner, whoever dies.
#include <fanout/processes/claims.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "catch.hpp"

using fanout::detail::claims;

namespace {

struct shared_claims {
    shared_claims(std::size_t tasks, std::size_t chunk)
        : owners(new std::atomic<claims::owner>[claims::chunks_of(tasks, chunk)]()),
          view(next, owners.get(), tasks, chunk) {}
    std::atomic<std::uint64_t> next = 0;
    std::unique_ptr<std::atomic<claims::owner>[]> owners;
    claims view;
};

}  // namespace

TEST_CASE("each chunk is claimed by one worker", "[claims]") {
    constexpr std::size_t tasks = 50'000;
    shared_claims shared(tasks, 1);
    std::vector<std::atomic<int>> claimed(tasks);
    std::vector<std::thread> workers;
    for (int worker = 0; worker < 4; ++worker)
        workers.emplace_back([&, worker] {
            claims mine = shared.view;
            std::size_t swept = 0;
            while (const auto chunk = mine.claim(claims::name_of(worker), swept)) {
                ++claimed[*chunk];
                mine.finish(*chunk);
            }
        });
    for (std::thread& each : workers) each.join();
    bool once = true;
    for (const auto& each : claimed) once = once && each == 1;
    CHECK(once);
    CHECK(shared.view.all_done());
    CHECK_FALSE(shared.view.any_free());
}

TEST_CASE("what a worker that died had not put its name to is found by another", "[claims]") {
    shared_claims shared(10, 1);
    shared.next = 4;  // somebody has taken 0 to 3 off the number and was killed at once
    std::size_t swept = 0;
    std::vector<std::size_t> order;
    while (const auto chunk = shared.view.claim(claims::name_of(0), swept)) order.push_back(*chunk);
    CHECK(order == std::vector<std::size_t>{4, 5, 6, 7, 8, 9, 0, 1, 2, 3});
}

TEST_CASE("what a worker has put its name to is found by that name", "[claims]") {
    shared_claims shared(10, 1);
    std::size_t swept = 0;
    shared.view.claim(claims::name_of(0), swept);
    shared.view.claim(claims::name_of(300), swept);
    CHECK(shared.view.chunk_owned_by(claims::name_of(300)) == 1U);
    shared.view.finish(1);
    CHECK_FALSE(shared.view.chunk_owned_by(claims::name_of(300)));
    CHECK(shared.view.any_free());
    CHECK_FALSE(shared.view.all_done());
}

TEST_CASE("chunks are of one task, unless there are very many or the user says otherwise", "[claims]") {
    CHECK(claims::chunk_for(0, std::nullopt) == 1);
    CHECK(claims::chunk_for(0, 7) == 1);
    CHECK(claims::chunk_for(5'000'000, std::nullopt) == 1);
    CHECK(claims::chunk_for(5'000'001, std::nullopt) == 2);
    CHECK(claims::chunk_for(100'000'000, std::nullopt) == 20);
    CHECK(claims::chunk_for(100, 7) == 7);
    CHECK(claims::chunk_for(100, 1000) == 100);
    CHECK(claims::chunk_for(100'000'000, 1) == 20);
}

TEST_CASE("the last chunk ends with the tasks", "[claims]") {
    shared_claims shared(10, 4);
    CHECK(shared.view.chunks() == 3);
    CHECK(shared.view.tasks_of(2).first == 8);
    CHECK(shared.view.tasks_of(2).last == 10);
    CHECK(shared.view.chunk_of(9) == 2);
}
