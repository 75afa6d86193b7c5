#include <fanout/tcp/chunk_fates.hpp>

#include <atomic>
#include <thread>

#include "catch.hpp"

using namespace fanout::detail;

TEST_CASE("a chunk is begun or given back, and never both") {
    chunk_fates fates(1);
    REQUIRE(fates.are_there());
    for (int round = 0; round < 2000; ++round) {
        const auto place = fates.take();
        REQUIRE(place == 1);
        std::atomic<bool> go = false, begun = false, given_back = false;
        std::thread slot([&] {
            while (!go) {
            }
            begun = fates.change(place, fate::waiting, fate::begun);
        });
        go = true;
        given_back = fates.change(place, fate::waiting, fate::given_back);
        slot.join();
        REQUIRE(begun != given_back);
        fates.release(place);
    }
}

TEST_CASE("what finds no place cannot be given back") {
    chunk_fates fates(2);
    CHECK(fates.take() == 1);
    CHECK(fates.take() == 2);
    const auto none = fates.take();
    CHECK(none == 0);
    CHECK(fates.of(none) == fate::begun);
    CHECK(!fates.change(none, fate::waiting, fate::given_back));
    fates.release(none);
    fates.release(1);
    CHECK(fates.take() == 1);
    CHECK(fates.take() == 0);
}
