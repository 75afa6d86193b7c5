// Tests of shapes.hpp: the standard's types are told by their shape, and what only looks like them is not.
#include <fanout/serialize/shapes.hpp>

#include <bitset>
#include <complex>
#include <deque>
#include <forward_list>
#include <functional>
#include <future>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <system_error>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "catch.hpp"

using namespace fanout::detail;

namespace {

struct own_map : std::map<int, int> {
    int and_more = 0;
};
namespace std_like {
struct vector {};
}  // namespace std_like

struct outcome_or_code {
    using value_type = int;
    using error_type = long;
};
template <class T, class E>
struct expected {
    using value_type = T;
    using error_type = E;
    using unexpected_type = E;
    bool has_value() const { return true; }
    E error() const { return {}; }
};

}  // namespace

static_assert(is_std<std::vector<int>>() && is_std<std::string>());
static_assert(!is_std<std_like::vector>() && !is_std<int>() && !is_std<own_map>());

static_assert(map_like<std::map<int, int>> && map_like<std::unordered_multimap<int, int>>);
static_assert(set_like<std::set<int>> && set_like<std::unordered_set<int>> && !set_like<std::map<int, int>>);
static_assert(!map_like<own_map>, "there may be more to it than the shape tells");
static_assert(growing_sequence<std::deque<int>> && growing_sequence<std::list<int>>);
static_assert(!growing_sequence<std::string> && !growing_sequence<std::set<int>>);
static_assert(forward_list_like<std::forward_list<int>> && !forward_list_like<std::list<int>>);
static_assert(variant_like<std::variant<int, char>> && !variant_like<std::optional<int>>);
static_assert(expected_like<expected<int, long>> && !expected_like<outcome_or_code>);
static_assert(bitset_like<std::bitset<70>> && !bitset_like<std::vector<bool>>);
static_assert(complex_like<std::complex<double>> && !complex_like<double>);
static_assert(error_code_like<std::error_code> && !error_code_like<std::error_condition>);

static_assert(is_owning_pointer<std::unique_ptr<int>> && is_owning_pointer<std::shared_ptr<int>>);
static_assert(!is_owning_pointer<std::unique_ptr<int[]>> && is_other_pointer<std::unique_ptr<int[]>>);
static_assert(is_other_pointer<std::weak_ptr<int>> && !is_other_pointer<std::unique_ptr<int>>);
static_assert(is_tuple<std::pair<int, int>> && is_tuple<std::tuple<>> && !is_tuple<std::array<int, 2>>);

static_assert(is_view<std::string_view>() && is_view<std::span<int>>() && !is_view<std::string>());
static_assert(is_type_erased_function<std::function<void()>>() && !is_type_erased_function<std::less<>>());
static_assert(is_resource<std::mutex>() && is_resource<std::future<int>>() && !is_resource<std::vector<int>>());
static_assert(iterator_like<std::vector<int>::iterator> && !iterator_like<std::vector<int>>);

TEST_CASE("a type is written as it stands in the source", "[shapes]") {
    CHECK(written<int>().substr(0, 3) == "int");
    CHECK(written<std::vector<int>>().substr(0, 11) == "std::vector");
}
