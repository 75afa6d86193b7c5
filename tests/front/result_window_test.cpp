// Tests of result_window.hpp: who may claim how much, and what is there to take.
#include <fanout/front/result_window.hpp>

#include <cstddef>
#include <thread>
#include <vector>

#include "catch.hpp"

using fanout::task_range;
using fanout::detail::look_ahead, fanout::detail::nanoseconds, fanout::detail::result_window;

namespace {

constexpr auto never = [] { return false; };
constexpr auto at_once = [] { return true; };

using ordered = result_window<std::size_t, true>;
using unordered = result_window<std::size_t, false>;

template <class Window>
void leave_results(Window& window, task_range tasks, nanoseconds each = nanoseconds(100'000)) {
    auto& chunk = window.chunk_of(tasks);
    for (std::size_t i = tasks.first; i < tasks.last; ++i) chunk.slots[i - chunk.tasks.first].emplace(i);
    window.finish(chunk, tasks.size(), each);
}

/// The results that can be taken without waiting.
template <class Window>
std::vector<std::size_t> take_all(Window& window) {
    std::vector<std::size_t> taken;
    typename Window::batch batch;
    if (!window.begin_turn()) return taken;
    while (window.take_in_turn(batch))
        for (; batch.first != batch.last; ++batch.first) {
            taken.push_back(**batch.first);
            batch.first->reset();
        }
    return taken;
}

}  // namespace

TEST_CASE("results are taken as their chunks were claimed, or as they were finished", "[result_window]") {
    ordered window({.n_jobs = 2});
    unordered first_come({.n_jobs = 2});
    for (const task_range each : {task_range{0, 2}, task_range{2, 4}, task_range{4, 5}}) {
        window.add(each);
        first_come.add(each);
    }
    for (const task_range each : {task_range{4, 5}, task_range{2, 4}}) {
        leave_results(window, each);
        leave_results(first_come, each);
    }
    CHECK(take_all(window).empty());
    CHECK(take_all(first_come) == std::vector<std::size_t>{4, 2, 3});
    leave_results(window, {0, 2});
    leave_results(first_come, {0, 2});
    CHECK(take_all(window) == std::vector<std::size_t>{0, 1, 2, 3, 4});
    CHECK(take_all(first_come) == std::vector<std::size_t>{0, 1});
}

TEST_CASE("results go as far as a task that has left none", "[result_window]") {
    ordered window({.n_jobs = 2});
    window.add({0, 3});
    window.add({3, 5});
    auto& chunk = window.chunk_of({0, 3});
    chunk.slots[0].emplace(0);
    chunk.slots[2].emplace(2);
    window.finish(chunk, 3, nanoseconds(1));
    leave_results(window, {3, 5});
    CHECK(take_all(window) == std::vector<std::size_t>{0});
    ordered::batch batch;
    CHECK_FALSE(window.take(batch, never));
}

TEST_CASE("what is filled can be taken before the chunk is finished", "[result_window]") {
    ordered window({.n_jobs = 1});
    window.add({0, 3});
    auto& chunk = window.chunk_of({0, 3});
    chunk.slots[0].emplace(0);
    window.note_filled(chunk, 0);
    CHECK(take_all(window) == std::vector<std::size_t>{0});
    for (const std::size_t i : {1u, 2u}) {
        chunk.slots[i].emplace(i);
        window.note_filled(chunk, i);
    }
    CHECK(take_all(window) == std::vector<std::size_t>{1, 2});
    window.finish(chunk, 3, nanoseconds(1));  // by which the chunk has been left behind
    window.add({3, 4});
    leave_results(window, {3, 4});
    CHECK(take_all(window) == std::vector<std::size_t>{3});
}

TEST_CASE("no more than the limit may be ahead, and nobody gets all of it", "[result_window]") {
    ordered window({.n_jobs = 2, .tasks = 8});
    CHECK(window.wait_for_room(100, never) == 1);  // nothing is known yet of how long tasks take
    window.add({0, 1});
    leave_results(window, {0, 1}, nanoseconds(1));
    CHECK(window.wait_for_room(100, never) == 2);
    window.add({1, 8});
    CHECK(window.wait_for_room(100, at_once) == 0);
    CHECK(take_all(window) == std::vector<std::size_t>{0});
    CHECK(window.wait_for_room(100, never) == 1);
}

TEST_CASE("without a limit: two chunks for each job, and chunks that take about 50 us", "[result_window]") {
    ordered window({.n_jobs = 1});
    window.add({0, 1});
    leave_results(window, {0, 1}, nanoseconds(10'000));
    CHECK(window.wait_for_room(100, never) == 5);
    window.add({1, 6});
    CHECK(window.wait_for_room(100, never) == 4);  // two chunks are ahead, but small ones
    window.add({6, 10});
    CHECK(take_all(window) == std::vector<std::size_t>{0});
    leave_results(window, {1, 6}, nanoseconds(10'000));
    CHECK(take_all(window).size() == 5);
    CHECK(window.wait_for_room(100, never) == 5);

    ordered fixed({.n_jobs = 1, .fixed_chunks = true});
    CHECK(fixed.wait_for_room(100, never) == 100);

    ordered on_demand({.n_jobs = 4, .tasks = 100, .on_demand = true});
    CHECK(on_demand.wait_for_room(100, never) == 1);
    on_demand.add({0, 1});
    CHECK(on_demand.wait_for_room(100, never) == 0);
}

TEST_CASE("whoever waits for room or for results is woken when there are", "[result_window]") {
    ordered window({.n_jobs = 1, .tasks = 1});
    std::thread maker([&] {
        for (std::size_t i = 0; i < 1000; ++i) {
            while (window.wait_for_room(1, never) == 0) {
            }
            window.add({i, i + 1});
            leave_results(window, {i, i + 1});
        }
        window.end();
    });
    std::size_t taken = 0;
    ordered::batch batch;
    while (window.take(batch, never))
        for (; batch.first != batch.last; ++batch.first) taken += **batch.first == taken;
    maker.join();
    CHECK(taken == 1000);
}

TEST_CASE("one at a time takes in turns", "[result_window]") {
    ordered window({.n_jobs = 1});
    CHECK(window.begin_turn());
    CHECK_FALSE(window.begin_turn());
    ordered::batch batch;
    CHECK_FALSE(window.take_in_turn(batch));
    CHECK(window.begin_turn());
}
