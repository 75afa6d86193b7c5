#include <cmath>
#include <cstdlib>
#include <fanout/tcp/modules.hpp>

#include "catch.hpp"

using namespace fanout::detail;

static int some_function(int x) { return x + 1; }
static const int constant = 3;
static int variable = 3;

TEST_CASE("the executable comes first, has an identity, and contains this program's code") {
    const auto modules = loaded_modules();
    REQUIRE(!modules.empty());
    CHECK(modules.front().path.empty());
    CHECK(modules.front().identity == own_identity());
    CHECK(own_identity().size() >= 16);
    const auto at = reinterpret_cast<std::uintptr_t>(&some_function);
    CHECK(modules.front().contains(at));
    CHECK(modules.front().runs_at(at));
    CHECK(!modules.front().runs_at(reinterpret_cast<std::uintptr_t>(&constant)));
    CHECK(!modules.front().runs_at(reinterpret_cast<std::uintptr_t>(&variable)));
}

TEST_CASE("a function of a library is placed in that library, wherever it has been loaded") {
    const auto modules = loaded_modules();
    const auto here = place_of(modules, reinterpret_cast<const void*>(&some_function));
    const auto there = place_of(modules, reinterpret_cast<const void*>(static_cast<double (*)(double)>(&std::cbrt)));
    CHECK(here.module == own_identity());
    REQUIRE(!there.module.empty());
    const module* const in = find_module(modules, there.module);
    REQUIRE(in);
    CHECK(in->runs_at(in->base + there.offset));
}

TEST_CASE("what is on the stack or the heap is in no module") {
    const auto modules = loaded_modules();
    const int local = 0;
    CHECK(place_of(modules, &local).module.empty());
    void* const block = std::malloc(1 << 20);
    CHECK(place_of(modules, block).module.empty());
    std::free(block);
}

TEST_CASE("an image without a build-id has a hash that stays the same and that is not that of another image") {
    const auto modules = loaded_modules();
    const auto hash = [](const module& of) { return hash_of_image(of, of.segments.front().begin); };
    const module& program = modules.front();
    CHECK(hash(program) == hash(program));
    CHECK(hash(program).starts_with("image-"));
    bool others = false;
    for (const module& each : modules)
        if (each.base != program.base && each.segments.size() > 2) others = others || hash(each) != hash(program);
    CHECK(others);
}

TEST_CASE("notes without a build-id, and notes that are cut off, give none") {
    CHECK(build_id_in(nullptr, 0).empty());
    const unsigned char notes[] = {4, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', 0, 0xab, 0xcd, 0x01, 0};
    CHECK(build_id_in(reinterpret_cast<const char*>(notes), sizeof notes) == "abcd01");
    CHECK(build_id_in(reinterpret_cast<const char*>(notes), sizeof notes - 4).empty());
    CHECK(build_id_in(reinterpret_cast<const char*>(notes), 11).empty());
}
