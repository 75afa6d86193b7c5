// Tests of arriving_value.hpp: a value is read while its parts come in, and every byte of it is accounted for.
#include <cstring>
#include <fanout/serialize/codec.hpp>
#include <fanout/tcp/arriving_value.hpp>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/lonely_connection.hpp"

using namespace fanout;
using namespace fanout::detail;

namespace {

/// Puts parts as they would be received.
struct sender {
    silent_driver driver;
    std::shared_ptr<connection> wire = lonely_connection(driver);
    arriving_value value{17, wire};

    void put(std::string part, bool is_last = false) {
        driver.unused += part.size();
        value.put(std::move(part), is_last);
    }
    std::size_t unused() const { return driver.unused; }
};

std::string bytes_of_numbers(const std::vector<int>& numbers) {
    std::string bytes(sizeof(std::uint64_t), '\0');
    const std::uint64_t count = numbers.size();
    std::memcpy(bytes.data(), &count, sizeof count);
    return bytes.append(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(int));
}

}  // namespace

TEST_CASE("a value is read while it arrives, in parts of whatever size") {
    std::vector<int> numbers(100'000);
    std::iota(numbers.begin(), numbers.end(), 0);
    const std::string bytes = bytes_of_numbers(numbers);
    const std::size_t part = GENERATE(std::size_t{977}, std::size_t{65'536}, std::size_t{10'000'000});
    sender of;
    std::thread sends([&] {
        of.put(packed_before_bytes({{"module", 64}, bytes.size()}) + bytes.substr(0, 10));
        for (std::size_t at = 10; at < bytes.size(); at += part)
            of.put(bytes.substr(at, part), at + part >= bytes.size());
    });
    const shared_message head = of.value.read_head();
    CHECK(head.code.module == "module");
    CHECK(of.value.left() == bytes.size());
    CHECK(of.value.believable() == bytes.size());
    reader in(of.value);
    CHECK(in.read<std::vector<int>>() == numbers);
    CHECK(of.value.left() == 0);
    sends.join();
    of.value.forget_rest();
    CHECK(of.unused() == 0);
}

TEST_CASE("a head alone, as of a value that is gone") {
    sender of;
    of.put(packed_before_bytes(shared_message()), true);
    CHECK(of.value.read_head().code.module.empty());
    CHECK(of.value.left() == 0);
    of.value.forget_rest();
    CHECK(of.unused() == 0);
}

TEST_CASE("what ends before its time is an error of who reads it") {
    sender of;
    const std::string head = packed_before_bytes({{"module", 64}, 1000});
    SECTION("with the last part") {
        of.put(head + "too short", true);
        of.value.read_head();
        reader in(of.value);
        CHECK_THROWS_AS(in.read<std::string>(), decode_error);
    }
    SECTION("in the head") {
        of.put(head.substr(0, head.size() - 1), true);
        CHECK_THROWS_AS(of.value.read_head(), decode_error);
    }
    SECTION("with the connection, while somebody waits") {
        of.put(head);
        of.value.read_head();
        std::thread breaks_off([&] { of.value.break_off(); });
        reader in(of.value);
        CHECK_THROWS_AS(in.read<std::string>(), decode_error);
        breaks_off.join();
    }
    SECTION("when the connection has ended, what had come is not read any more") {
        of.put(head + std::string(1000, 'x'));
        of.put(std::string(1000, 'x'));
        of.driver.unused -= head.size() + 2000;  // the worker ends: nobody counts
        of.value.break_off();
        CHECK_THROWS_AS(of.value.read_head(), decode_error);
    }
    of.value.forget_rest();
    CHECK(of.unused() == 0);
}

TEST_CASE("what nobody reads is used up as it comes") {
    sender of;
    of.put(packed_before_bytes({{"module", 64}, 1000}) + std::string(100, 'x'));
    of.put(std::string(100, 'x'));
    of.value.read_head();
    CHECK(of.unused() > 100);
    of.value.forget_rest();
    CHECK(of.unused() == 0);
    of.put(std::string(800, 'x'), true);
    CHECK(of.unused() == 0);
}
