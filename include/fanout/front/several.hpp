// Several calls of different functions at once, their results in a tuple.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>

#include "fanout/core/delayed.hpp"
#include "fanout/core/outcome.hpp"
#include "fanout/front/call.hpp"
#include "fanout/front/cursor.hpp"
#include "fanout/front/loop.hpp"

namespace fanout::detail {

/// Makes the call that an element is, with the token if the call wants one.
struct make_the_call {
    template <class Call>
    decltype(auto) operator()(Call&& call) const
        requires std::is_invocable_v<Call>
    {
        return std::forward<Call>(call)();
    }
    template <class Call>
    decltype(auto) operator()(std::stop_token token, Call&& call) const
        requires std::is_invocable_v<Call, std::stop_token>
    {
        return std::forward<Call>(call)(std::move(token));
    }
};

/// `Calls` as they were passed: a reference type is called where it stands, a value type gives up its arguments.
template <bool Collect, class... Calls>
class several : public call<(wants_stop_token<make_the_call, Calls> || ...)> {
    using base = call<(wants_stop_token<make_the_call, Calls> || ...)>;

protected:
    template <class Call>
    using raw_result = task_result<const make_the_call&, Call>;
    template <class Call>
    using kind = std::conditional_t<Collect, in_outcome<std::decay_t<raw_result<Call>>>,
                                    emplaced<kept_result<raw_result<Call>>>>;
    template <class Call>
    using result = typename kind<Call>::result;

    static constexpr std::size_t size = sizeof...(Calls);

public:
    several(const call_plan& plan, Calls&&... calls) : base(plan, size), calls_(std::forward<Calls>(calls)...) {}

    task_range claim(std::size_t most) noexcept override {
        return this->stopping() ? task_range{} : cursor_.claim(most, size);
    }

    std::size_t unclaimed() const noexcept override { return cursor_.left_of(size); }

    void run(task_range tasks, int worker) noexcept override {
        this->run_each(
            tasks, worker,
            [&](std::size_t i, const auto& call_with) {
                with_place(i, [&](auto index) { perform<index>(call_with); });
            },
            [&](std::size_t i) { with_place(i, [&](auto index) { failed<index>(worker); }); });
    }

    std::tuple<result<Calls>...> results() {
        this->require_finished(size);
        return [&]<std::size_t... I>(std::index_sequence<I...>) {
            return std::tuple<result<Calls>...>(std::move(kind<Calls>::value(std::get<I>(slots_)))...);
        }(std::index_sequence_for<Calls...>());
    }

protected:
    /// From the number of a task to its place in the tuples.
    template <class Use>
    static void with_place(std::size_t i, const Use& use) {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            ((I == i ? use(std::integral_constant<std::size_t, I>()) : void()), ...);
        }(std::index_sequence_for<Calls...>());
    }

    // Not inlined: Clang would look at all slots ahead of the loop, which is harmless, but a race to a thread
    // sanitizer.
    template <std::size_t I, class CallWith>
    [[gnu::noinline]] void perform(const CallWith& call_with) {
        using call_type = std::tuple_element_t<I, std::tuple<Calls...>>;
        const auto make = [&]() -> std::decay_t<raw_result<call_type>> {
            return call_with(make_the_call(), static_cast<call_type&&>(std::get<I>(calls_)));
        };
        kind<call_type>::fill(std::get<I>(slots_), make);
    }

    template <std::size_t I>
    void failed([[maybe_unused]] int worker) noexcept {
        if constexpr (Collect)
            this->fail_slot(std::get<I>(slots_), I, worker);
        else
            this->end_with_failure(I);
    }

    std::tuple<Calls&&...> calls_;
    std::tuple<typename kind<Calls>::slot...> slots_;
    cursor cursor_;
};

}  // namespace fanout::detail
