// A function in the process that it has been sent to: made from its bytes, and called with the bytes of one task.
#pragma once

#include <cstddef>
#include <memory>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>

#include "fanout/core/bytes.hpp"
#include "fanout/core/delayed.hpp"
#include "fanout/core/outcome.hpp"
#include "fanout/serialize/codec.hpp"
#include "fanout/tcp/function_value.hpp"

namespace fanout::detail {

class remote_function {
public:
    remote_function() = default;
    remote_function(const remote_function&) = delete;
    remote_function& operator=(const remote_function&) = delete;
    virtual ~remote_function() = default;

    /// Runs one task, and writes its result. Throws what the task throws.
    virtual void run(byte_source& task, byte_sink& result, void (*task_returned)() noexcept) const = 0;
};

/// What the address of code that a call names is the address of.
using make_remote_function = std::unique_ptr<remote_function>(byte_source& function);

/// A token can be asked there, but nobody asks for a stop: what is too slow is killed.
template <class F, class... Args>
decltype(auto) call_in_worker(F&& f, Args&&... args) {
    if constexpr (wants_stop_token<F, Args...>) {
        const std::stop_source nobody;
        return call_with_token(nobody.get_token(), std::forward<F>(f), std::forward<Args>(args)...);
    } else {
        return call_function(std::forward<F>(f), std::forward<Args>(args)...);
    }
}

template <class Make>
void write_result_of(const Make& make, byte_sink& to, void (*task_returned)() noexcept) {
    writer out(to);
    if constexpr (std::is_void_v<std::invoke_result_t<Make>>) {
        make();
        task_returned();
        out(nothing());
    } else {
        const std::decay_t<std::invoke_result_t<Make>> result = make();
        task_returned();
        out(result);
    }
}

/// As what an element travels that a range gives in this way: std::vector<bool> gives references to single bits.
template <class Reference>
using sent_element = std::conditional_t<!serializable<std::remove_cvref_t<Reference>> &&
                                            std::is_convertible_v<Reference, bool> && std::is_class_v<Reference>,
                                        bool, std::remove_cvref_t<Reference>>;

template <class Reference>
decltype(auto) as_element(sent_element<Reference>& element) {
    if constexpr (std::is_same_v<sent_element<Reference>, std::remove_cvref_t<Reference>>)
        return static_cast<Reference&&>(element);
    else
        return static_cast<sent_element<Reference>>(element);
}

/// One function over elements as the ranges give them.
template <class F, class... References>
struct loop_code {
    class function final : public remote_function {
    public:
        explicit function(byte_source& from) : reader_(from), f_(read_function_value<F>(reader_)) {}

        void run(byte_source& task, byte_sink& result, void (*task_returned)() noexcept) const override {
            reader in(task);
            std::tuple<sent_element<References>...> elements{in.template read<sent_element<References>>()...};
            const auto make = [&]() -> decltype(auto) {
                return std::apply(
                    [&](auto&... each) -> decltype(auto) {
                        return call_in_worker(f_, as_element<References>(each)...);
                    },
                    elements);
            };
            write_result_of(make, result, task_returned);
        }

    private:
        reader reader_;
        const F f_;
    };

    static std::unique_ptr<remote_function> enter(byte_source& from) { return std::make_unique<function>(from); }
};

/// Several calls of different functions: a task is the number of the call, and the call.
template <class... Calls>
struct several_code {
    class function final : public remote_function {
    public:
        void run(byte_source& task, byte_sink& result, void (*task_returned)() noexcept) const override {
            reader in(task);
            const auto number = in.template read<std::size_t>();
            std::size_t i = 0;
            const bool known = ((i++ == number && (make<Calls>(in, result, task_returned), true)) || ...);
            if (!known) throw decode_error("fanout: a call that there is not");
        }

    private:
        template <class Call>
        static void make(reader& in, byte_sink& result, void (*task_returned)() noexcept) {
            auto call = in.template read<std::remove_cvref_t<Call>>();
            const auto make_it = [&]() -> decltype(auto) { return call_in_worker(static_cast<Call&&>(call)); };
            write_result_of(make_it, result, task_returned);
        }
    };

    static std::unique_ptr<remote_function> enter(byte_source&) { return std::make_unique<function>(); }
};

}  // namespace fanout::detail
