// A loop whose tasks run in other processes: results, and elements that can be read only once, go there as bytes.
#pragma once

#include <cstddef>
#include <cstring>
#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>

#include "fanout/core/light_standard.hpp"
#include "fanout/core/portable_tasks.hpp"
#include "fanout/front/loop.hpp"
#include "fanout/front/portable_call.hpp"
#include "fanout/serialize/codec.hpp"
#include "fanout/serialize/delayed_call.hpp"

namespace fanout::detail {

template <bool Collect, class F, class... Rs>
class portable_loop final : public portable_call<loop<Collect, F, Rs...>> {
    using base = portable_call<loop<Collect, F, Rs...>>;
    using typename base::kind;
    using typename base::raw_result;

    using result = kept_result<raw_result>;
    using elements = std::tuple<std::remove_cvref_t<std::ranges::range_reference_t<Rs>>...>;
    static constexpr bool is_flat = is_handed_over_flat<result>;

public:
    using base::base;

    bool collects_failures() const noexcept override { return Collect; }

    std::size_t flat_result_size() const noexcept override { return is_flat ? sizeof(result) : 0; }

    void run_task(const portable_tasks::site& at, byte_sink& to) override {
        result value = result_of(at);
        at.task_returned();
        if constexpr (is_flat) {
            if (at.place) {
                ::new (at.place) result(std::move(value));
                return;
            }
        }
        writer out(to);
        out(value);
    }

    void write_elements([[maybe_unused]] std::size_t index, [[maybe_unused]] byte_sink& to) override {
        if constexpr (!base::knows_size) {
            writer out(to);
            this->input_.look_at(index, [&](const auto&... each) { out(each...); });
        }
    }

    void store_written(std::size_t index, byte_source& written) override {
        reader in(written);
        if constexpr (base::keeps_results)
            kind::fill(this->slots_[index], [&]() -> result { return in.template read<result>(); });
        else
            in.template read<result>();
        note_stored(index);
    }

    void store_flat(std::size_t first, std::size_t count, const void* results) noexcept override {
        if constexpr (is_flat && base::keeps_results) {
            const auto* const values = static_cast<const result*>(results);
            for (std::size_t i = 0; i < count; ++i)
                kind::fill(this->slots_[first + i], [&]() -> const result& { return values[i]; });
        }
        for (std::size_t i = first; i < first + count; ++i) note_stored(i);
    }

    void store_failure(failure why) noexcept override {
        const std::size_t index = why.index;
        why.backend = this->backend();
        if constexpr (Collect)
            this->fail_slot(this->slots_[index], std::move(why));
        else
            this->end_with_failure(index, std::move(why.exception));
        note_stored(index);
    }

private:
    void note_stored(std::size_t index) noexcept {
        if constexpr (!base::knows_size) this->input_.let_go(index);
        this->count_finished(1);
    }

    result result_of(const portable_tasks::site& at) const {
        const auto call_with = [&](auto&&... each) -> std::decay_t<raw_result> {
            return this->call_here(this->function_, std::forward<decltype(each)>(each)...);
        };
        const auto make = [&]() -> std::decay_t<raw_result> {
            if constexpr (base::knows_size) {
                return this->input_.apply(at.index, call_with);
            } else {
                reader in(*at.elements);
                elements read{in.template read<std::remove_cvref_t<std::ranges::range_reference_t<Rs>>>()...};
                return std::apply(
                    [&](auto&... each) -> std::decay_t<raw_result> {
                        return call_with(static_cast<std::ranges::range_reference_t<Rs>&&>(each)...);
                    },
                    read);
            }
        };
        if constexpr (std::is_void_v<raw_result>)
            return make(), nothing();
        else
            return make();
    }
};

}  // namespace fanout::detail
