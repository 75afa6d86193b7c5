// Tests of read_once_input.hpp: what is read when, how long it is held, and how it is given.
#include <fanout/front/read_once_input.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <list>
#include <memory>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <vector>

#include "catch.hpp"
#include "support/generator.hpp"

using fanout::task_range, fanout::detail::held_element, fanout::detail::read_once_input;

namespace {

constexpr std::size_t no_window = static_cast<std::size_t>(-1);
const auto not_ending = [] { return false; };
const auto ignore_size = [](std::size_t) {};

template <class Input>
task_range claim(Input& input, std::size_t most) {
    return input.claim(most, not_ending, ignore_size);
}

/// Sums up the elements of a claimed range.
template <class Input>
int sum(Input& input, task_range tasks) {
    int total = 0;
    auto elements = input.elements(tasks);
    for (std::size_t i = tasks.first; i < tasks.last; ++i)
        elements.apply(i, [&](const auto&... each) { total += (0 + ... + each); });
    return total;
}

}  // namespace

TEST_CASE("a claim reads what it takes, and no more", "[read_once_input]") {
    int read = 0;
    auto numbers = generate(5, [&](int i) { return ++read, i; });
    read_once_input<decltype(numbers)> input(no_window, numbers);
    CHECK(read == 0);
    const task_range first = claim(input, 2);
    CHECK((first.first == 0 && first.last == 2));
    CHECK(read == 2);
    CHECK(input.size() == 2);
    const task_range rest = claim(input, 10);
    CHECK((rest.first == 2 && rest.last == 5));
    CHECK_FALSE(claim(input, 1));
    CHECK(sum(input, rest) == 2 + 3 + 4);
    CHECK(sum(input, first) == 0 + 1);
    CHECK(input.size() == 5);
}

TEST_CASE("the number of tasks is announced before they are given out", "[read_once_input]") {
    auto numbers = generate(5, [](int i) { return i; });
    read_once_input<decltype(numbers)> input(no_window, numbers);
    std::vector<std::size_t> announced;
    const auto announce = [&](std::size_t size) { announced.push_back(size); };
    const task_range first = input.claim(3, not_ending, announce);
    const task_range rest = input.claim(3, not_ending, announce);
    CHECK(announced == std::vector<std::size_t>{3, 5});
    sum(input, first);
    sum(input, rest);
}

TEST_CASE("what was claimed at once can be run in parts, in any order", "[read_once_input]") {
    auto numbers = generate(20, [](int i) { return i; });
    read_once_input<decltype(numbers)> input(10, numbers);
    const task_range tasks = claim(input, 10);
    REQUIRE(tasks.size() == 10);
    CHECK(sum(input, {5, 10}) == 5 + 6 + 7 + 8 + 9);
    const task_range more = claim(input, 100);  // there is room for five
    CHECK((more.first == 10 && more.last == 15));
    CHECK(sum(input, {0, 5}) == 0 + 1 + 2 + 3 + 4);
    CHECK(sum(input, more) == 10 + 11 + 12 + 13 + 14);
}

TEST_CASE("a claim waits while the window is full, and takes only what there is room for", "[read_once_input]") {
    auto numbers = generate_for_ever([](int i) { return i; });
    read_once_input<decltype(numbers)> input(3, numbers);
    const task_range tasks = claim(input, 100);
    CHECK(tasks.size() == 3);
    std::atomic<bool> claimed = false;
    std::jthread other([&] {
        const task_range next = claim(input, 100);
        claimed = true;
        sum(input, next);
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    CHECK_FALSE(claimed);
    sum(input, {0, 1});
    other.join();
    CHECK(claimed);
    sum(input, {1, 3});
}

TEST_CASE("a call that is ending is given no more", "[read_once_input]") {
    auto numbers = generate_for_ever([](int i) { return i; });
    read_once_input<decltype(numbers)> input(1, numbers);
    const auto ending = [] { return true; };
    CHECK_FALSE(input.claim(1, ending, ignore_size));
    const task_range one = claim(input, 1);
    CHECK_FALSE(input.claim(1, ending, ignore_size));  // nor does it wait for room
    sum(input, one);
}

TEST_CASE("what was read and never run is let go of with the input", "[read_once_input]") {
    const auto alive = std::make_shared<int>(0);
    {
        auto owners = generate(5, [&](int) { return alive; });
        read_once_input<decltype(owners)> input(no_window, owners);
        const task_range run = claim(input, 2);
        static_cast<void>(claim(input, 3));
        input.elements(run);
        CHECK(alive.use_count() == 1 + 3);
    }
    CHECK(alive.use_count() == 1);
}

TEST_CASE("input that breaks is not read again", "[read_once_input][errors]") {
    int reads = 0;
    auto numbers = generate(20, [&](int i) {
        ++reads;
        if (i == 5) throw std::length_error("no more input");
        return i;
    });
    read_once_input<decltype(numbers)> input(no_window, numbers);
    const task_range tasks = claim(input, 4);
    const task_range rest = claim(input, 4);  // what was there before it broke
    CHECK(rest.size() == 1);
    CHECK_FALSE(input.has_ended());
    CHECK_THROWS_AS(claim(input, 4), std::length_error);
    CHECK(reads == 6);
    CHECK_FALSE(claim(input, 4));
    CHECK(reads == 6);
    CHECK(input.size() == 5);
    CHECK(sum(input, tasks) + sum(input, rest) == 0 + 1 + 2 + 3 + 4);
}

TEST_CASE("several ranges are read in step, as far as the shortest goes", "[read_once_input]") {
    std::list<int> tens{10, 20, 30};
    auto numbers = generate_for_ever([](int i) { return i; });
    read_once_input<std::list<int>, decltype(numbers)> input(no_window, tens, numbers);
    const task_range tasks = claim(input, 10);
    CHECK(tasks.size() == 3);
    CHECK(sum(input, tasks) == 60 + 0 + 1 + 2);
    CHECK_FALSE(claim(input, 10));
}

TEST_CASE("elements that stay where they are are not copied; others are kept until their task is done",
          "[read_once_input]") {
    std::list<int> numbers{1};
    held_element<std::list<int>> standing(numbers.begin());
    CHECK(&standing.get() == &numbers.front());
    STATIC_REQUIRE(std::is_same_v<decltype(standing.get()), int&>);

    std::istringstream text("1 2");
    auto stream = std::views::istream<int>(text);
    held_element<decltype(stream)> kept(std::ranges::begin(stream));
    CHECK(kept.get() == 1);
    STATIC_REQUIRE(std::is_same_v<decltype(kept.get()), int&>);

    const auto alive = std::make_shared<int>(7);
    auto shared = generate(3, [&](int) { return alive; });
    read_once_input<decltype(shared)> input(no_window, shared);
    const task_range tasks = claim(input, 2);
    CHECK(alive.use_count() == 3);
    input.elements(tasks).apply(0, [](auto&& each) {
        STATIC_REQUIRE(std::is_same_v<decltype(each), std::shared_ptr<int>&&>);
        CHECK(*each == 7);
    });
    CHECK(alive.use_count() == 1);
}

TEST_CASE("several threads read every element exactly once", "[read_once_input]") {
    constexpr int size = 20'000;
    auto numbers = generate(size, [](int i) { return i; });
    read_once_input<decltype(numbers)> input(50, numbers);
    std::vector<std::atomic<int>> seen(size);
    std::atomic<int> misplaced = 0;
    {
        std::vector<std::jthread> workers;
        for (std::size_t worker = 0; worker < 4; ++worker)
            workers.emplace_back([&, worker] {
                while (const task_range tasks = claim(input, 3 * worker + 1)) {
                    auto elements = input.elements(tasks);
                    for (std::size_t i = tasks.first; i < tasks.last; ++i)
                        elements.apply(i, [&](int element) {
                            ++seen[static_cast<std::size_t>(element)];
                            misplaced += static_cast<std::size_t>(element) != i;
                        });
                }
            });
    }
    int once = 0;
    for (const auto& each : seen) once += each == 1;
    CHECK(once == size);
    CHECK(misplaced == 0);
}
