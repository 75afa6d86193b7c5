// Tests of rules.hpp: which rule applies to a type, or why none does.
#include <fanout/serialize/rules.hpp>

#include <complex>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "catch.hpp"

using namespace fanout::detail;

namespace {

enum class colour : char { red };
enum class flag : bool { off, on };
struct empty {};
struct point {
    double x, y;
};
struct with_functions {
    int value = 0;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(value);
    }
};
struct with_both : with_functions {};
class private_number {
public:
    explicit constexpr private_number(int number) : number_(number) {}
    int number() const { return number_; }

private:
    int number_;
};
class private_pointer {
public:
    explicit constexpr private_pointer(int* to) : to_(to) {}
    int* to() const { return to_; }

private:
    int* to_;
};
class immovable {
public:
    immovable() = default;
    immovable(const immovable&) = delete;
    immovable& operator=(const immovable&) = delete;
    const std::string& text() const { return text_; }

private:
    std::string text_;
};
union either {
    int i;
    float f;
};
struct based : point {
    int more;
};

}  // namespace

template <>
struct fanout::codec<with_both> {
    static void write(fanout::writer&, const with_both&) {}
    static with_both read(fanout::reader&) { return {}; }
};

static_assert(rule_of<with_both> == rule::codec, "an author's codec comes before everything else");
static_assert(rule_of<with_functions> == rule::functions);
static_assert(rule_of<int> == rule::number && rule_of<colour> == rule::number && rule_of<long double> == rule::number);
static_assert(rule_of<bool> == rule::boolean && rule_of<flag> == rule::boolean);
static_assert(rule_of<empty> == rule::nothing && rule_of<std::nullptr_t> == rule::nothing);
static_assert(rule_of<std::string> == rule::string && rule_of<std::vector<int>> == rule::sequence);
static_assert(rule_of<std::map<int, int>> == rule::map && rule_of<std::pair<int, int>> == rule::tuple);
static_assert(rule_of<std::optional<int>> == rule::optional && rule_of<std::variant<int>> == rule::variant);
static_assert(rule_of<std::unique_ptr<int>> == rule::pointer && rule_of<std::array<int, 3>> == rule::fixed_array);
static_assert(rule_of<int[3]> == rule::array);
static_assert(rule_of<point> == rule::aggregate && rule_of<private_number> == rule::bytes);
static_assert(rule_of<std::complex<double>> == rule::bytes);
static_assert(!hides_a_pointer<private_number>() && hides_a_pointer<private_pointer>());

static_assert(rule_of<int&> == rule::none && find_reason<int&>() == why::reference);
static_assert(rule_of<int*> == rule::none && find_reason<int*>() == why::pointer);
static_assert(find_reason<int (*)(int)>() == why::callable && find_reason<int point::*>() == why::pointer);
static_assert(rule_of<std::string_view> == rule::none && find_reason<std::string_view>() == why::view);
static_assert(rule_of<either> == rule::none && find_reason<either>() == why::union_type);
static_assert(rule_of<immovable> == rule::none && find_reason<immovable>() == why::immovable);
static_assert(rule_of<std::weak_ptr<int>> == rule::none && find_reason<std::weak_ptr<int>>() == why::odd_pointer);

TEST_CASE("aggregates with a base that has members are bytes, or not taken apart at all", "[rules]") {
    struct based_on_text : std::string {
        int more;
    };
    CHECK(rule_of<based> == rule::bytes);
    CHECK(rule_of<based_on_text> == rule::none);
    CHECK(find_reason<based_on_text>() == why::base_class);
}
