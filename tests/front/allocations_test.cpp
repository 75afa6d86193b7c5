// No memory is asked for per task: counted with an operator new of our own.
#include <fanout/front/parallel.hpp>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <latch>
#include <new>
#include <ranges>
#include <stop_token>

#include "catch.hpp"
#include "support/each_backend.hpp"
#include "support/generator.hpp"
#include "support/sanitizers.hpp"

#if FANOUT_TESTS_UNDER_TSAN

TEST_CASE("allocations cannot be counted under a sanitizer that counts them itself", "[allocations]") { SUCCEED(); }

#else

namespace {

std::atomic<long> allocations = 0;

[[gnu::noinline]] void* allocate(std::size_t size, std::size_t alignment = alignof(std::max_align_t)) {
    ++allocations;
    if (void* const memory = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment))
        return memory;
    throw std::bad_alloc();
}

[[gnu::noinline]] void give_back(void* memory) { std::free(memory); }

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void* operator new(std::size_t size, std::align_val_t alignment) {
    return allocate(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
    return allocate(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void operator delete(void* memory) noexcept { give_back(memory); }
void operator delete[](void* memory) noexcept { give_back(memory); }
void operator delete(void* memory, std::size_t) noexcept { give_back(memory); }
void operator delete[](void* memory, std::size_t) noexcept { give_back(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { give_back(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { give_back(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { give_back(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { give_back(memory); }

using fanout::delayed, fanout::parallel;

namespace {

template <class Use>
long allocations_in(const Use& use) {
    const long before = allocations;
    use();
    return allocations - before;
}

/// Starts the threads, whose own needs are not counted.
template <class Run>
void warm_up(const Run& run) {
    std::latch both_there(2);
    run(delayed([&](int) { both_there.arrive_and_wait(); }), std::views::iota(0, 2));
}

constexpr int few = 1000;
constexpr int many = 100'000;

template <class Run>
void asks_for_nothing_per_task(const Run& run) {
    const auto indexed = [&](int size) { run(delayed([](int i) { return i; }), std::views::iota(0, size)); };
    const auto without_results = [&](int size) { run(delayed([](int) {}), std::views::iota(0, size)); };
    const auto with_token = [&](int size) { run(delayed([](std::stop_token, int) {}), std::views::iota(0, size)); };
    const auto read_once = [&](int size) {
        run(delayed([](int i) { return i; }), generate(size, [](int i) { return i; }));
    };
    indexed(few);
    with_token(few);

    CHECK(allocations_in([&] { indexed(few); }) <= 4);
    CHECK(allocations_in([&] { indexed(many); }) <= 4);
    CHECK(allocations_in([&] { without_results(few); }) <= 4);
    CHECK(allocations_in([&] { without_results(many); }) <= 4);
    CHECK(allocations_in([&] { with_token(many); }) <= 20);

    // A block of results for each doubling, and the batches in hand, which grow with the chunks.
    CHECK(allocations_in([&] { read_once(many); }) <= 200);
}

}  // namespace

TEST_CASE("on threads no task costs an allocation", "[allocations]") {
    on_threads({.n_jobs = 2}, [](const auto& run) {
        warm_up(run);
        asks_for_nothing_per_task(run);
    });
}

TEST_CASE("on sequential no task costs an allocation", "[allocations]") {
    asks_for_nothing_per_task(any_backend(any_backend::on_sequential, {}));
}

#endif
