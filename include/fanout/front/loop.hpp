// The loop: one function over one or several ranges, element by element, each result in its slot.
#pragma once

#include <cstddef>
#include <optional>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "fanout/core/delayed.hpp"
#include "fanout/core/light_standard.hpp"
#include "fanout/core/outcome.hpp"
#include "fanout/front/call.hpp"
#include "fanout/front/in_force.hpp"
#include "fanout/front/indexed_input.hpp"
#include "fanout/front/read_once_input.hpp"
#include "fanout/front/slots.hpp"

namespace fanout::detail {

template <class F, class... Args>
using task_result =
    decltype(call_with_token(std::declval<const std::stop_token&>(), std::declval<F>(), std::declval<Args>()...));

template <class F, class... Rs>
inline constexpr bool loop_takes_token = wants_stop_token<const F&, std::ranges::range_reference_t<Rs>...>;

template <class... Rs>
struct input_for : std::type_identity<read_once_input<Rs...>> {};
template <class... Rs>
    requires indexable<Rs...>
struct input_for<Rs...> : std::type_identity<indexed_input<Rs...>> {};

/// `Collect`: give outcomes instead of throwing. Refers to the function and the ranges, which outlive the call.
template <bool Collect, class F, class... Rs>
class loop : public call<loop_takes_token<F, Rs...>> {
    using base = call<loop_takes_token<F, Rs...>>;

protected:
    using raw_result = task_result<const F&, std::ranges::range_reference_t<Rs>...>;
    using result = kept_result<raw_result>;
    using references = std::tuple<std::ranges::range_reference_t<Rs>...>;
    static constexpr bool keeps_results = Collect || !std::is_void_v<raw_result>;
    static constexpr bool knows_size = indexable<Rs...>;
    static constexpr bool by_index = knows_size;
    static constexpr bool collects = Collect;

    using kind =
        std::conditional_t<Collect, in_outcome<std::decay_t<raw_result>>, slot_kind_for<kept_result<raw_result>>>;
    using slots = std::conditional_t<!keeps_results, no_slots,
                                     std::conditional_t<knows_size, fixed_slots<kind>, growing_slots<kind>>>;

public:
    loop(const call_plan& plan, const F& f, Rs&... ranges)
        requires(knows_size)
        : base(plan, shortest_of(ranges...)), function_(f), input_(*this->size(), ranges...) {
        slots_.grow_to(input_.size());
    }

    loop(const call_plan& plan, const F& f, Rs&... ranges)
        requires(!knows_size)
        : base(plan, std::nullopt), function_(f), input_(window_of(plan.wishes), ranges...) {}

    task_range claim(std::size_t most) noexcept override {
        if (this->stopping()) return {};
        if constexpr (knows_size) {
            return input_.claim(most);
        } else {
            // What is read once may be typed or received: no element waits for the next unless the user says so.
            constexpr bool read_once = !(std::ranges::forward_range<Rs> && ...);
            if (read_once && !this->batch_size()) most = most > 0 ? 1 : 0;
            const settings_on_loan as_in_the_caller(this->settings_of_caller());  // reading may run the user's code
            try {
                return input_.claim(
                    most, [this] { return this->stopping(); }, [this](std::size_t size) { slots_.grow_to(size); });
            } catch (...) {
                this->end_with_failure(input_.size());
                return {};
            }
        }
    }

    void wake_claimers() noexcept override {
        if constexpr (!knows_size) input_.wake();
    }

    std::size_t unclaimed() const noexcept override {
        if constexpr (knows_size)
            return input_.unclaimed();
        else
            return input_.has_ended() ? 0 : static_cast<std::size_t>(-1);
    }

    void run(task_range tasks, int worker) noexcept override {
        if (!tasks) return;
        // Both are copies where that can be: what is reached through `this` would be read anew for every task.
        auto&& elements = input_.elements(tasks);
        [[maybe_unused]] auto&& places = slots_.all();
        this->run_each(
            tasks, worker,
            [&](std::size_t i, const auto& call_with) {
                const auto make = [&] {
                    // Decayed in here: the result may refer to an element that lives only for this call.
                    return elements.apply(i, [&](auto&&... each) -> std::decay_t<raw_result> {
                        return call_with(function_, std::forward<decltype(each)>(each)...);
                    });
                };
                if constexpr (keeps_results)
                    kind::fill(places[i], make);
                else
                    make();
            },
            [&](std::size_t i) { failed(i, worker); });
    }

    /// The results in the order of the input; nothing for a loop of `void` tasks. Once, after the end.
    auto results() {
        const std::size_t size = input_.size();
        this->require_finished(size);
        if constexpr (!knows_size)
            if (!input_.has_ended()) this->blame_backend("the input had not ended");
        if constexpr (keeps_results) return slots_.take(size);
    }

protected:
    static std::size_t window_of(const options& wishes) {
        return wishes.pre_dispatch ? static_cast<std::size_t>(*wishes.pre_dispatch) : static_cast<std::size_t>(-1);
    }

    // For a loop whose tasks run in other processes.

    template <class Make>
    void keep(std::size_t index, const Make& make) {
        if constexpr (keeps_results)
            kind::fill(slots_[index], make);
        else
            make();
    }

    void store_failure_of(failure why) noexcept {
        const std::size_t index = why.index;
        if constexpr (Collect)
            this->fail_slot(slots_[index], std::move(why));
        else
            this->end_with_failure(index, std::move(why.exception));
    }

    void note_stored(std::size_t index) noexcept {
        if constexpr (!by_index) input_.let_go(index);
        this->count_finished(1);
    }

    void failed(std::size_t i, [[maybe_unused]] int worker) noexcept {
        if constexpr (Collect)
            this->fail_slot(slots_[i], i, worker);
        else
            this->end_with_failure(i);
    }

    const F& function_;
    typename input_for<Rs...>::type input_;
    [[no_unique_address]] slots slots_;
};

}  // namespace fanout::detail
