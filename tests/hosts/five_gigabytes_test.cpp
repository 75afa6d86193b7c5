// An argument and a result that no 32-bit number can measure. Only with FANOUT_LONG_TESTS=1: takes 15 GB and a minute.
#include <fanout/tcp/connection.hpp>

#include <cstddef>
#include <cstdint>
#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/long_tests.hpp"
#include "support/tests_with_workers.hpp"

using namespace fanout;

/// So many bytes as they travel, of which nobody keeps more than a piece; whoever reads them adds them up.
struct flood_of_bytes {
    std::uint64_t size = 0;
    std::uint64_t sum = 0;

    static constexpr std::size_t piece = 1 << 20;
};
template <>
struct fanout::codec<flood_of_bytes> {
    static std::uint64_t word_at(std::uint64_t at) { return (at + 1) * 0x9e37'79b9'7f4a'7c15; }

    static void write(writer& to, const flood_of_bytes& value) {
        to(value.size);
        std::vector<std::uint64_t> words(flood_of_bytes::piece / 8);
        for (std::uint64_t at = 0; at < value.size; at += flood_of_bytes::piece) {
            for (std::size_t i = 0; i < words.size(); ++i) words[i] = word_at(at / 8 + i);
            to.write_bytes(words.data(), flood_of_bytes::piece);
        }
    }
    static flood_of_bytes read(reader& from) {
        flood_of_bytes value{from.read<std::uint64_t>(), 0};
        std::vector<std::uint64_t> words(flood_of_bytes::piece / 8);
        for (std::uint64_t at = 0; at < value.size; at += flood_of_bytes::piece) {
            from.read_bytes(words.data(), flood_of_bytes::piece);
            for (const std::uint64_t each : words) value.sum += each;
        }
        return value;
    }
};

static std::uint64_t sum_of(std::uint64_t size) {
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < size / 8; ++i) sum += codec<flood_of_bytes>::word_at(i);
    return sum;
}

static const std::uint64_t much = long_tests() ? 5ULL << 30 : 64ULL << 20;

TEST_CASE("an argument of 5 GB arrives whole") {
    const auto sums =
        parallel(1, tcp{})(delayed([](const flood_of_bytes& all) { return std::pair(all.size, all.sum); }),
                           std::vector{flood_of_bytes{much}});
    CHECK(sums[0].first == much);
    CHECK(sums[0].second == sum_of(much));
}

TEST_CASE("a result of 5 GB arrives whole, and takes no more memory on its way than a window") {
    const auto results =
        parallel(1, tcp{})(delayed([](std::uint64_t wanted) { return flood_of_bytes{wanted}; }), std::vector{much});
    CHECK(results[0].size == much);
    CHECK(results[0].sum == sum_of(much));
}
