// Tests of members.hpp: how many members there are, and of what types they are declared.
#include <fanout/serialize/members.hpp>

#include <any>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

#include "catch.hpp"

using namespace fanout::detail;

namespace {

struct no_default {
    no_default(int);
};
struct none {};
struct one_aggregate {
    none only;
};
struct hungry {  // each of them can be made of anything
    std::any any;
    std::optional<std::optional<int>> optional;
    std::variant<int, std::any> variant;
    std::function<void()> function;
    std::tuple<std::any> tuple;
    std::vector<std::any> vector;
    std::shared_ptr<hungry> pointer;
};
struct without_default {
    no_default first;
    int middle;
    no_default last;
};
struct arrays {
    int before;
    int array[1000];
    no_default after[1];
};
struct arrays_between {
    char a[3];
    int b;
    std::string c[2];
    double d[2][2];
    int e;
};
struct references {
    const int& constant;
    std::string text;
};
struct constants {
    const int number;
    const std::string text;
};
struct first_base {};
struct second_base {};
struct derived : first_base, second_base {
    int number;
};
struct full_base {
    int number;
};
struct derived_of_full : full_base {
    int more;
};
struct with_union {
    int kind;
    union {
        int number;
        double real;
    };
};
struct of_33 {
    int m[1], m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17;
    int n1, n2, n3, n4, n5, n6, n7, n8, n9, n10, n11, n12, n13, n14, n15, n16;
};
struct of_50 {
    int m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24,
        m25;
    int n1, n2, n3, n4, n5, n6, n7, n8, n9, n10, n11, n12, n13, n14, n15, n16, n17, n18, n19, n20, n21, n22, n23, n24,
        n25;
};

template <class T>
constexpr std::size_t count = layout_of<T>.members();

template <class T, class... M>
constexpr bool has_members = std::is_same_v<members_of<T>, types<M...>>;

}  // namespace

TEST_CASE("members are counted, whatever they can be made of", "[members]") {
    STATIC_REQUIRE(count<none> == 0);
    STATIC_REQUIRE(count<one_aggregate> == 1);
    STATIC_REQUIRE(count<hungry> == 7);
    STATIC_REQUIRE(count<without_default> == 3);
    STATIC_REQUIRE(count<constants> == 2);
}

TEST_CASE("an array is one member", "[members]") {
    STATIC_REQUIRE(count<arrays_between> == 5);
    STATIC_REQUIRE(has_members<arrays_between, char[3], int, std::string[2], double[2][2], int>);
}

TEST_CASE("an array of what has no default cannot be counted", "[members]") {
    STATIC_REQUIRE_FALSE(layout_of<arrays>.can_be_taken_apart());
}

TEST_CASE("members have the types with which they are declared", "[members]") {
    STATIC_REQUIRE(has_members<without_default, no_default, int, no_default>);
    STATIC_REQUIRE(has_members<constants, const int, const std::string>);
    STATIC_REQUIRE(has_members<references, const int&, std::string>);
}

TEST_CASE("empty bases are told from members, full ones and unions are noticed", "[members]") {
    STATIC_REQUIRE(layout_of<derived>.bases == 2);
    STATIC_REQUIRE(has_members<derived, int>);
    STATIC_REQUIRE_FALSE(layout_of<derived_of_full>.can_be_taken_apart());
    STATIC_REQUIRE_FALSE(layout_of<derived_of_full>.bases_are_empty);
    STATIC_REQUIRE(layout_of<with_union>.has_union);
    STATIC_REQUIRE_FALSE(layout_of<with_union>.can_be_taken_apart());
}

TEST_CASE("more than 32 members are noticed", "[members]") {
    STATIC_REQUIRE_FALSE(layout_of<of_33>.can_be_taken_apart());
    STATIC_REQUIRE_FALSE(layout_of<of_50>.can_be_taken_apart());
}

TEST_CASE("members can be changed where they are", "[members]") {
    struct two {
        int a;
        std::string b;
    } value{1, "one"};
    take_apart<2>(value, [](auto, int& a, std::string& b) {
        a = 2;
        b = "two";
    });
    CHECK(value.a == 2);
    CHECK(value.b == "two");
}
