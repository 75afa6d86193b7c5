// A loop that combines its results as they come, in the order of the input, instead of keeping them.
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include "fanout/core/delayed.hpp"
#include "fanout/core/light_standard.hpp"
#include "fanout/core/misuse.hpp"
#include "fanout/front/call.hpp"
#include "fanout/front/checked_loop.hpp"
#include "fanout/front/windowed_loop.hpp"

namespace fanout::detail {

/// `Add`: called with each result and its index, in the order of the input, by whichever worker has the next one; true
/// says that no more are wanted. It need not be thread-safe.
template <taken Taken, class Add, class F, class... Rs>
class folding_loop : public windowed_loop<Taken, F, Rs...> {
    using base = windowed_loop<Taken, F, Rs...>;

public:
    folding_loop(Add& add, const call_plan& plan, bool shows_size, const F& f, Rs&... ranges)
        : base(plan, shows_size, false, f, ranges...), add_(add) {}

    using base::require_all_done;

protected:
    void results_have_come() noexcept override {
        if (!this->window_.begin_turn()) return;  // whoever is at it will see them
        typename base::window_type::batch batch;
        while (this->window_.take_in_turn(batch)) {
            try {
                for (; batch.first != batch.last; ++batch.first, ++batch.index) {
                    const bool enough = add_(batch.index, *std::move(*batch.first));
                    batch.first->reset();
                    if (!enough) continue;
                    this->settle();
                    return this->leave_early();  // and the turn is never over
                }
            } catch (...) {
                return this->end_with_failure(batch.index, std::current_exception());
            }
        }
        if (this->is_closed() && this->window_.is_broken_off()) this->leave_early();
    }

private:
    Add& add_;
};

/// Runs a loop that gives its results to `add`. Throws what ended it early, unless that was `add`, or a task behind the
/// last that it wanted, which need not have run.
template <taken Taken, auto Where, class Runner, class Add, class F, class... Rs>
void fold(const call_plan& plan, const Runner& runner, Add& add, const F& f, Rs&... ranges) {
    using folding = folding_loop<Taken, Add, F, Rs...>;
    typename loop_to_run<folding, Where>::type work(add, plan, claims_as_it_goes(runner), f, ranges...);
    work.finish_through(runner);
    if (!work.stopping()) work.require_all_done();
}

template <class Op, class Accumulated, class Result>
concept combines =
    requires(Op& op, Accumulated& so_far, Result&& next) { so_far = op(std::move(so_far), std::move(next)); };

/// Each step would lose what stands behind the point, as in std::accumulate(first, last, 0). That is told of
/// std::plus<> and its like, which take what comes; whoever writes the types of an operation has chosen them.
template <class Op, class Accumulated, class Result>
concept cuts_off_fractions =
    std::is_integral_v<Accumulated> && std::is_floating_point_v<std::invoke_result_t<Op&, Accumulated&&, Result&&>> &&
    requires { typename Op::is_transparent; };

/// Strictly from left to right, so that the outcome does not depend on who ran what.
template <class Runner, class Accumulated, class Op, class F, class... Rs>
auto reduce_loop(const call_plan& plan, const Runner& runner, Accumulated so_far, Op& op, const F& f, Rs&... ranges) {
    return checked_loop<F, Rs...>(runner, [&](auto portable) {
        using result = kept_result<task_result<const F&, std::ranges::range_reference_t<Rs>...>>;
        static_assert(combines<Op, Accumulated, result>,
                      "fanout: reduce(init, op, delayed(f), range): op(so_far, result) takes what init is and what f "
                      "gives, and gives what init is");
        static_assert(!cuts_off_fractions<Op, Accumulated, result>,
                      "fanout: reduce(init, op, delayed(f), range): init is a whole number and op gives a fraction, of "
                      "which only the whole part would be kept at each step; begin with 0.0");
        if constexpr (combines<Op, Accumulated, result>) {
            const auto add = [&](std::size_t, result&& next) {
                so_far = op(std::move(so_far), std::move(next));
                return false;
            };
            fold<taken::in_order, portable>(plan, runner, add, f, ranges...);
            return std::move(so_far);
        } else {
            return misuse();
        }
    });
}

template <class Runner, class Init, class Op, class First, class... Rest>
auto run_reduce(const call_plan& plan, const Runner& runner, Init&& init, Op&& op, First&& first, Rest&&... rest) {
    if constexpr (any_misuse<Init, Op>)
        return misuse();
    else
        return with_loop(
            [&](const auto& f, auto&... ranges) {
                return reduce_loop<Runner, std::decay_t<Init>>(plan, runner, std::forward<Init>(init), op, f,
                                                               ranges...);
            },
            first, rest...);
}

template <class Runner, class... Args>
misuse run_reduce(const call_plan&, const Runner&, Args&&...) {
    static_assert(never<Runner>,
                  "fanout: reduce takes what to begin with, how to combine, and the loop: "
                  "parallel(n).reduce(0.0, std::plus<>(), delayed(f), range)");
    return {};
}

}  // namespace fanout::detail
