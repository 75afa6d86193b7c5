// Several calls at once that run in other processes.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include "fanout/core/portable_tasks.hpp"
#include "fanout/front/portable_call.hpp"
#include "fanout/front/several.hpp"
#include "fanout/serialize/codec.hpp"

namespace fanout::detail {

template <bool Collect, class... Calls>
class portable_several : public portable_call<several<Collect, Calls...>> {
    using base = portable_call<several<Collect, Calls...>>;

    template <std::size_t I>
    using call_type = std::tuple_element_t<I, std::tuple<Calls...>>;
    template <std::size_t I>
    using raw_result = typename base::template raw_result<call_type<I>>;
    template <std::size_t I>
    using result = kept_result<raw_result<I>>;

public:
    using base::base;

    bool collects_failures() const noexcept override { return Collect; }

    std::size_t flat_result_size() const noexcept override { return 0; }

    void run_task(const portable_tasks::site& at, byte_sink& to) override {
        base::with_place(at.index, [&](auto index) {
            writer out(to);
            const auto make = [&]() -> std::decay_t<raw_result<index>> {
                return this->call_here(make_the_call(), static_cast<call_type<index>&&>(std::get<index>(this->calls_)));
            };
            if constexpr (std::is_void_v<raw_result<index>>) {
                make();
                at.task_returned();
            } else {
                const auto value = make();
                at.task_returned();
                out(value);
            }
        });
    }

    void write_elements(std::size_t, byte_sink&) override {}  // the calls are there, in every worker

    void store_written(std::size_t index, byte_source& written) override {
        base::with_place(index, [&](auto place) {
            reader in(written);
            base::template kind<call_type<place>>::fill(std::get<place>(this->slots_), [&]() -> result<place> {
                if constexpr (std::is_void_v<raw_result<place>>)
                    return {};
                else
                    return in.template read<result<place>>();
            });
        });
        this->count_finished(1);
    }

    void store_flat(std::size_t, std::size_t, const void*) noexcept override {}  // there are none

    void store_failure(failure why) noexcept override {
        why.backend = this->backend();
        this->tell_observer(why);
        base::with_place(why.index, [&](auto index) {
            if constexpr (Collect)
                this->fail_slot(std::get<index>(this->slots_), std::move(why));
            else
                this->end_with_failure(index, std::move(why.exception));
        });
        this->count_finished(1);
    }

protected:
    /// For who sends a call elsewhere.
    template <class Use>
    void with_call(std::size_t index, const Use& use) {
        base::with_place(index, [&](auto place) { use(std::get<place>(this->calls_)); });
    }
};

}  // namespace fanout::detail
