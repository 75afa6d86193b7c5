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

/// `Loop`: one that gives its results when it is over, or one whose results are taken on the way.
template <class Loop>
class portable_loop : public portable_call<Loop> {
    using base = portable_call<Loop>;
    using typename base::raw_result;
    using typename base::result;

    static constexpr bool is_flat = is_handed_over_flat<result>;

public:
    using base::base;

    bool collects_failures() const noexcept override { return base::collects; }

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
        if constexpr (!base::by_index) {
            writer out(to);
            this->input_.look_at(index, [&](const auto&... each) { out(each...); });
        }
    }

    void store_written(std::size_t index, byte_source& written) override {
        reader in(written);
        this->keep(index, [&]() -> result { return in.template read<result>(); });
        this->note_stored(index);
    }

    void store_flat(std::size_t first, std::size_t count, const void* results) noexcept override {
        if constexpr (is_flat) {
            const auto* const values = static_cast<const result*>(results);
            for (std::size_t i = 0; i < count; ++i) this->keep(first + i, [&]() -> const result& { return values[i]; });
        }
        for (std::size_t i = first; i < first + count; ++i) this->note_stored(i);
    }

    void store_failure(failure why) noexcept override {
        const std::size_t index = why.index;
        why.backend = this->backend();
        this->tell_observer(why);
        this->store_failure_of(std::move(why));
        this->note_stored(index);
    }

protected:
    /// For who sends the whole of a task elsewhere.
    const auto& function() const noexcept { return this->function_; }
    template <class Use>
    void with_elements(std::size_t index, const Use& use) {
        if constexpr (base::by_index)
            this->input_.apply(index, use);
        else
            this->input_.look_at(index, use);
    }

private:
    template <class... References, class Call>
    static std::decay_t<raw_result> call_with_read(std::type_identity<std::tuple<References...>>, reader& in,
                                                   const Call& call_with) {
        std::tuple<std::remove_cvref_t<References>...> read{in.template read<std::remove_cvref_t<References>>()...};
        return std::apply(
            [&](auto&... each) -> std::decay_t<raw_result> { return call_with(static_cast<References&&>(each)...); },
            read);
    }

    result result_of(const portable_tasks::site& at) const {
        const auto call_with = [&](auto&&... each) -> std::decay_t<raw_result> {
            return this->call_here(this->function_, std::forward<decltype(each)>(each)...);
        };
        const auto make = [&]() -> std::decay_t<raw_result> {
            if constexpr (base::by_index) {
                return this->input_.apply(at.index, call_with);
            } else {
                reader in(*at.elements);
                return call_with_read(std::type_identity<typename base::references>(), in, call_with);
            }
        };
        if constexpr (std::is_void_v<raw_result>)
            return make(), nothing();
        else
            return make();
    }
};

}  // namespace fanout::detail
