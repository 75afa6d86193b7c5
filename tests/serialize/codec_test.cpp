// Tests of codec.hpp: what can be sent, why the rest cannot, and that no bytes do any harm.
#include <fanout/serialize/codec.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

#include "catch.hpp"
#include "support/matchers.hpp"
#include "support/round_trip.hpp"
#include "support/sanitizers.hpp"

using fanout::serializable;
using fanout::detail::why_not_serializable;

namespace {

std::size_t largest_allocation = 0;

}  // namespace

#if !FANOUT_TESTS_UNDER_ASAN && !FANOUT_TESTS_UNDER_TSAN
[[gnu::noinline]] void* operator new(std::size_t size) {
    largest_allocation = std::max(largest_allocation, size);
    if (void* memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif

namespace {

struct tree {
    int feature;
    double threshold;
    std::vector<tree> children;
    bool operator==(const tree&) const = default;
};
struct model {
    std::string name;
    std::vector<tree> trees;
    std::map<std::string, std::optional<double>> scores;
    std::variant<int, std::string> tag;
    std::array<float, 3> bias;
    std::vector<bool> bits;
    bool on;
    bool operator==(const model&) const = default;
};
model example() {
    return {"m", {{1, 0.5, {{2, 0.25, {}}}}}, {{"auc", 0.9}, {"f1", std::nullopt}}, "t", {1, 2, 3}, {true, false},
            true};
}

struct with_pointer {
    int number;
    std::vector<std::pair<std::string, int*>> pointers;
};
struct list {
    std::unique_ptr<list> next;
    std::string_view text;
};
struct deep {
    std::unique_ptr<deep> next;
};
struct no_default {
    explicit no_default(int);
    template <class Archive>
    void serialize(Archive&) {}
};
struct base {
    int number;
};
struct derived : base {
    std::string text;
};
struct with_reference {
    std::string& text;
};
union either {
    int number;
    double real;
};
struct move_only {
    std::unique_ptr<int> pointer;
    std::vector<move_only> more;
};

}  // namespace

template <>
struct fanout::codec<either> {
    static void write(writer& to, const either& value) { to(value.number); }
};

TEST_CASE("whether a type can be sent is asked without an error, also of types that contain themselves", "[codec]") {
    STATIC_REQUIRE(serializable<int>);
    STATIC_REQUIRE(serializable<model>);
    STATIC_REQUIRE(serializable<const tree>);
    STATIC_REQUIRE(serializable<move_only>);
    STATIC_REQUIRE(serializable<std::unordered_map<std::string, std::vector<model>>>);
    STATIC_REQUIRE_FALSE(serializable<int*>);
    STATIC_REQUIRE_FALSE(serializable<int&>);
    STATIC_REQUIRE_FALSE(serializable<void>);
    STATIC_REQUIRE_FALSE(serializable<std::string_view>);
    STATIC_REQUIRE_FALSE(serializable<std::span<int>>);
    STATIC_REQUIRE_FALSE(serializable<std::reference_wrapper<int>>);
    STATIC_REQUIRE_FALSE(serializable<std::function<void()>>);
    STATIC_REQUIRE_FALSE(serializable<std::mutex>);
    STATIC_REQUIRE_FALSE(serializable<std::thread>);
    STATIC_REQUIRE_FALSE(serializable<std::weak_ptr<int>>);
    STATIC_REQUIRE_FALSE(serializable<std::unique_ptr<int[]>>);
    STATIC_REQUIRE_FALSE(serializable<std::vector<int>::iterator>);
    STATIC_REQUIRE_FALSE(serializable<std::map<int, int>::iterator>);
    STATIC_REQUIRE_FALSE(serializable<std::pair<int, const char*>>);
    STATIC_REQUIRE_FALSE(serializable<std::tuple<int, int&>>);
    STATIC_REQUIRE_FALSE(serializable<std::vector<std::optional<int*>>>);
    STATIC_REQUIRE_FALSE(serializable<int (*)(int)>);
    STATIC_REQUIRE_FALSE(serializable<int tree::*>);
    STATIC_REQUIRE_FALSE(serializable<with_pointer>);
    STATIC_REQUIRE_FALSE(serializable<with_reference>);
    STATIC_REQUIRE_FALSE(serializable<derived>);
    STATIC_REQUIRE_FALSE(serializable<no_default>);
    STATIC_REQUIRE_FALSE(serializable<either>);
}

TEST_CASE("why a type cannot be sent is said in one line, with the place", "[codec]") {
    CHECK(why_not_serializable<model>().empty());
    CHECK_THAT(why_not_serializable<with_pointer>(),
               starting_with("fanout: int*, in std::pair<") && containing(", in member 2 of ") &&
                   ending_with("a pointer means nothing in another process: hold the value, or a std::unique_ptr to "
                               "it"));
    CHECK_THAT(why_not_serializable<list>(), containing("in member 2 of ") && containing("a view means nothing"));
    CHECK_THAT(why_not_serializable<std::vector<std::mutex>>(), containing("std::mutex, in std::vector<"));
    CHECK_THAT(why_not_serializable<no_default>(), containing("needs a default constructor"));
    CHECK_THAT(why_not_serializable<derived>(), containing("a base class that has members"));
    CHECK_THAT(why_not_serializable<either>(), containing("its fanout::codec lacks"));
    CHECK_THAT(why_not_serializable<with_reference>(), containing("reference"));
    CHECK_THAT(why_not_serializable<std::function<void()>>(), containing("a function means nothing"));
    CHECK_THAT(why_not_serializable<std::vector<int>::iterator>(), containing("hides a pointer"));
    CHECK_THAT(why_not_serializable<std::weak_ptr<int>>(), containing("only std::unique_ptr and std::shared_ptr"));
}

TEST_CASE("each byte of a message may be wrong: that is an error, or some value", "[codec]") {
    const auto bytes = fanout::detail::bytes_of(example());
    int refused = 0;
    int accepted = 0;
    largest_allocation = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        for (int value = 0; value < 256; ++value) {
            auto mutant = bytes;
            mutant[i] = static_cast<std::byte>(value);
            fanout::detail::memory_source source(mutant.data(), mutant.size(), 0);
            try {
                fanout::reader from(source);
                // What is accepted is a value like others: it can be written.
                accepted += !fanout::detail::bytes_of(from.read<model>()).empty();
            } catch (const fanout::decode_error&) {
                ++refused;
            }
        }
    }
    CHECK(accepted > 0);
    CHECK(refused > 0);
    CHECK(largest_allocation < 16'384);
}

TEST_CASE("a message that ends too early is an error at each of its bytes", "[codec]") {
    const auto bytes = fanout::detail::bytes_of(example());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        fanout::detail::memory_source source(bytes.data(), size, 0);
        fanout::reader from(source);
        CHECK_THROWS_AS(from.read<model>(), fanout::decode_error);
    }
}

TEST_CASE("to read more than was written is an error", "[codec]") {
    const auto bytes = fanout::detail::bytes_of(7);
    CHECK_THROWS_AS((fanout::detail::value_from<std::pair<int, int>>(bytes)), fanout::decode_error);
    CHECK_THROWS_WITH(fanout::detail::value_from<char>(bytes), containing("3 bytes left over, in char"));
}

TEMPLATE_TEST_CASE("five thousand million elements are not believed", "[codec]", std::vector<double>, std::string,
                   std::vector<bool>, std::vector<std::string>, (std::map<int, int>), (std::unordered_map<int, int>),
                   std::vector<std::vector<int>>, std::vector<std::monostate>) {
    struct {
        std::size_t length;
        char some[1000] = {};
    } message;
    for (const std::size_t length : {std::size_t{5'000'000'000}, std::numeric_limits<std::size_t>::max()}) {
        message.length = length;
        largest_allocation = 0;
        fanout::detail::memory_source source(&message, sizeof message);
        fanout::reader from(source);
        CHECK_THROWS_WITH(from.read<TestType>(), containing("a length of " + std::to_string(length)));
        CHECK(largest_allocation < 4096);
    }
}

TEST_CASE("values that are nested too deep are refused on both sides", "[codec]") {
    auto value = std::make_unique<deep>();
    for (int i = 0; i < 200; ++i) value = std::make_unique<deep>(std::move(value));
    CHECK(round_trip(value) != nullptr);
    for (int i = 0; i < 200; ++i) value = std::make_unique<deep>(std::move(value));
    CHECK_THROWS_AS(fanout::detail::bytes_of(value), std::length_error);

    const std::vector<std::byte> endless(10'000, std::byte{1});
    CHECK_THROWS_WITH(fanout::detail::value_from<deep>(endless), containing("nested more than 256 deep"));
}
