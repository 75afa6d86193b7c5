// Tests of exception_kinds.hpp: the tables of classes, which reader and writer go by.
#include <fanout/serialize/exception_kinds.hpp>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>

#include "catch.hpp"

using namespace fanout::detail;

namespace {

/// Whether none comes behind a class that it is derived from, which would be found before it.
template <class... T>
constexpr bool derived_come_first(types<T...>) {
    using all = std::tuple<T...>;
    return []<std::size_t... I>(std::index_sequence<I...>) {
        const auto is_in_order = []<std::size_t J>(std::integral_constant<std::size_t, J>) {
            return (!(I < J && std::is_base_of_v<std::tuple_element_t<I, all>, std::tuple_element_t<J, all>>) && ...);
        };
        return (is_in_order(std::integral_constant<std::size_t, I>()) && ...);
    }(std::make_index_sequence<sizeof...(T)>());
}

template <class Last, class... T>
constexpr bool ends_with(types<T...>) {
    return std::is_same_v<std::tuple_element_t<sizeof...(T) - 1, std::tuple<T...>>, Last>;
}

}  // namespace

static_assert(derived_come_first(standard_exceptions()));
static_assert(ends_with<std::exception>(standard_exceptions()), "every exception must be found in the table");
static_assert(standard_exceptions::size < 256 && simple_exceptions::size < 256 && thrown_numbers::size < 256 &&
                  own_exceptions::size < 256,
              "their numbers are written as bytes");

TEST_CASE("all that is sent of a failure is everything but its exception", "[exception_kinds]") {
    fanout::failure why{.index = 1,
                        .type = "t",
                        .what = "w",
                        .signal = 2,
                        .attempts = 3,
                        .worker = 4,
                        .pid = 5,
                        .peak_memory = 6,
                        .backend = "b"};
    std::size_t sum = 0;
    std::string texts;
    with_fields_of(why, [&](auto&... each) {
        const auto add = [&](auto& field) {
            if constexpr (std::is_same_v<std::remove_cvref_t<decltype(field)>, std::string>)
                texts += field;
            else
                sum += static_cast<std::size_t>(field);
        };
        (add(each), ...);
    });
    CHECK(sum == 1 + 2 + 3 + 4 + 5 + 6);
    CHECK(texts == "twb");
}
