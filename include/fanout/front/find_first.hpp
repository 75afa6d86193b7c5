// The first element for which something is true, with no more tasks than it takes to be sure.
#pragma once

#include <concepts>
#include <cstddef>
#include <optional>

#include "fanout/core/delayed.hpp"
#include "fanout/core/light_standard.hpp"
#include "fanout/core/misuse.hpp"
#include "fanout/core/outcome.hpp"
#include "fanout/front/call.hpp"
#include "fanout/front/checked_loop.hpp"
#include "fanout/front/reduce.hpp"
#include "fanout/front/windowed_loop.hpp"

namespace fanout::detail {

template <class Runner, class F, class... Rs>
auto find_first_in(const call_plan& plan, const Runner& runner, const F& is_it, Rs&... ranges) {
    return checked_loop<F, Rs...>(runner, [&](auto portable) {
        using result = kept_result<task_result<const F&, std::ranges::range_reference_t<Rs>...>>;
        constexpr bool tells = std::constructible_from<bool, result>;
        static_assert(tells,
                      "fanout: find_first(delayed(f), range): f says whether an element is it, so it gives a bool");
        if constexpr (tells) {
            std::optional<std::size_t> found;
            const auto look = [&found](std::size_t index, result&& yes) {
                if (yes) found = index;
                return found.has_value();
            };
            fold<taken::up_to_first_true, portable>(plan, runner, look, is_it, ranges...);
            return found;
        } else {
            return misuse();
        }
    });
}

template <class Runner, class First, class... Rest>
auto run_find_first(const call_plan& plan, const Runner& runner, First&& first, Rest&&... rest) {
    return with_loop([&](const auto& f, auto&... ranges) { return find_first_in(plan, runner, f, ranges...); }, first,
                     rest...);
}

}  // namespace fanout::detail
