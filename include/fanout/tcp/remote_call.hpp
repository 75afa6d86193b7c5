// Calls whose function and tasks can be sent to other processes of the same program.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <type_traits>

#include "fanout/core/backend.hpp"
#include "fanout/core/portable_tasks.hpp"
#include "fanout/core/remote_tasks.hpp"
#include "fanout/serialize/codec.hpp"
#include "fanout/tcp/function_key.hpp"
#include "fanout/tcp/function_value.hpp"
#include "fanout/tcp/registered_function.hpp"
#include "fanout/tcp/remote_function.hpp"

namespace fanout::detail {

/// `Base` is the call as it is on worker processes, which knows its function and its elements.
template <class Base, class F, class... References>
class remote_loop final : public Base, public remote_tasks {
public:
    using Base::Base;

    remote_tasks* remote() noexcept override { return this; }

    const void* code() const noexcept override { return entry_of<loop_code<F, References...>>.address(); }

    std::string name() override {
        const registered_function* const entry = registered_as<F, sent_element<References>...>(this->function());
        goes_by_name_ = entry != nullptr;
        return entry ? entry->key() : std::string();
    }

    void write_function(byte_sink& to) override {
        if (goes_by_name_) return;
        writer out(to);
        write_function_value(out, this->function());
    }

    /// Of an input whose tasks are taken as they come, whatever its kind.
    void write_elements(std::size_t index, byte_sink& to) override { write_task(index, to); }

    void write_task(std::size_t index, byte_sink& to) override {
        writer out(to);
        this->with_elements(index, [&](const auto&... each) {
            if constexpr (can_go_by_name)
                if (goes_by_name_) return named_call<F>::write_elements(out, each...);
            (out(static_cast<const sent_element<References>&>(each)), ...);
        });
    }

private:
    static constexpr bool can_go_by_name = can_be_called_by_name<F, sent_element<References>...>;

    bool goes_by_name_ = false;
};

template <class Base, class... Calls>
class remote_several final : public Base, public remote_tasks {
public:
    using Base::Base;

    remote_tasks* remote() noexcept override { return this; }

    const void* code() const noexcept override { return entry_of<several_code<Calls...>>.address(); }

    void write_function(byte_sink&) override {}

    void write_task(std::size_t index, byte_sink& to) override {
        writer out(to);
        out(index);
        this->with_call(index, [&](const auto& each) { out(each); });
    }
};

/// Throws `std::invalid_argument` for a call that was not made to be sent.
inline remote_tasks& remote_tasks_of(job& work) {
    portable_tasks* const tasks = work.portable();
    remote_tasks* const remote = tasks ? tasks->remote() : nullptr;
    if (!remote)
        throw std::invalid_argument(
            "fanout: tcp cannot run this call, which was not made to be sent: tcp has to be named where the call is "
            "written, parallel(n, tcp{}), and cannot be chosen at run time");
    return *remote;
}

/// What a backend that sends its tasks gives to the front as its `remote`.
struct remote_forms {
    template <class Base, class F, class... References>
    using loop = remote_loop<Base, F, References...>;
    template <class Base, class... Calls>
    using several = remote_several<Base, Calls...>;

    template <class F, class... References>
    static constexpr bool can_send_loop = can_be_sent_as_function<F> && (serializable<sent_element<References>> && ...);
    template <class... Calls>
    static constexpr bool can_send_several = (serializable<std::remove_cvref_t<Calls>> && ...);

    /// Do not compile, with one error that says why.
    template <class F, class... References>
    static constexpr void expect_loop() {
        static_cast<void>(expect_sendable_function<F>());
        if constexpr (can_be_sent_as_function<F>)
            static_cast<void>((expect_serializable<sent_element<References>>() && ...));
    }
    template <class... Calls>
    static constexpr void expect_several() {
        static_cast<void>((expect_serializable<std::remove_cvref_t<Calls>>() && ...));
    }
};

}  // namespace fanout::detail
