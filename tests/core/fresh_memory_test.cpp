// Tests of fresh_memory.hpp: what has no pages yet is found out, gets many at once, and memory keeps what stands in it.
#include <fanout/core/fresh_memory.hpp>

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "catch.hpp"

using fanout::detail::is_fresh, fanout::detail::map_pages;

namespace {

constexpr std::size_t much = 4 << 20;

/// Pages that nobody has written.
struct untouched {
    void* const memory = mmap(nullptr, much, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char* bytes() const { return static_cast<char*>(memory); }
    ~untouched() { munmap(memory, much); }
};

bool kernel_maps_pages() {
#ifdef MADV_POPULATE_WRITE
    const untouched some;
    return madvise(some.memory, much, MADV_POPULATE_WRITE) == 0;
#else
    return false;
#endif
}

}  // namespace

TEST_CASE("little memory, or none, is never worth a question", "[fresh_memory]") {
    const untouched some;
    CHECK_FALSE(is_fresh(some.memory, 4096));
    CHECK_FALSE(is_fresh(nullptr, 0));
}

TEST_CASE("memory that has been written is not fresh, and keeps what was written", "[fresh_memory]") {
    const untouched some;
    std::memset(some.memory, 'x', much);
    CHECK_FALSE(is_fresh(some.memory, much));
    map_pages(some.memory, much);
    CHECK(some.bytes()[0] == 'x');
    CHECK(some.bytes()[much - 1] == 'x');
}

TEST_CASE("fresh memory has all its pages once they are mapped, full of zeros", "[fresh_memory]") {
    if (!kernel_maps_pages()) {
        WARN("skipped: the kernel does not map pages ahead");
        return;
    }
    const untouched some;
    REQUIRE(is_fresh(some.memory, much));
    map_pages(some.memory, much);
    CHECK_FALSE(is_fresh(some.memory, much));
    CHECK(some.bytes()[much / 2] == 0);
}

TEST_CASE("memory may begin and end anywhere, and its neighbours are left alone", "[fresh_memory]") {
    if (!kernel_maps_pages()) {
        WARN("skipped: the kernel does not map pages ahead");
        return;
    }
    const untouched some;
    char* const begin = some.bytes() + (1 << 20) + 24;
    map_pages(begin, 1'000'000);
    CHECK_FALSE(is_fresh(begin, 1'000'000));
    CHECK(is_fresh(some.memory, 1 << 20));
    map_pages(begin + 1, 100);  // not one whole page
}

TEST_CASE("the answers of the kernel do not show in errno", "[fresh_memory]") {
    char* const nowhere = nullptr;
    errno = EEXIST;
    CHECK_FALSE(is_fresh(nowhere, much));
    map_pages(nowhere, much);
    CHECK(errno == EEXIST);
}
