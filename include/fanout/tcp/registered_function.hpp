// Functions that go by a name, so that a worker that is another build of the program knows them too.
#pragma once

#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "fanout/core/concat.hpp"
#include "fanout/core/describe.hpp"
#include "fanout/core/errors.hpp"
#include "fanout/serialize/codec.hpp"
#include "fanout/tcp/function_key.hpp"
#include "fanout/tcp/function_value.hpp"
#include "fanout/tcp/remote_function.hpp"

namespace fanout::detail {

/// One that was registered. All are in one list, which is complete before `main` begins; a library that is loaded later
/// adds its own.
class registered_function {
public:
    using maker = std::unique_ptr<remote_function> (*)(const void* address);

    registered_function(const registered_function&) = delete;
    registered_function& operator=(const registered_function&) = delete;

    /// Its name, and the types of its result and of its parameters with their sizes: what both builds must agree on.
    const std::string& key() const noexcept { return key_; }

    std::unique_ptr<remote_function> make() const { return make_(address_); }

    static bool any() noexcept { return first != nullptr; }

    /// Null if there is none. Throws `serialization_error` if there are two, and so nobody knows which is meant.
    static const registered_function* find(const std::string& key) {
        const registered_function* found = nullptr;
        for (const auto* each = first; each; each = each->next_) {
            if (each->key_ != key) continue;
            if (found && (found->address_ != each->address_ || found->make_ != each->make_))
                throw serialization_error(
                    concat({"fanout: two functions are registered as ", key, "; give each a name of its own"}));
            found = each;
        }
        return found;
    }

    /// Of a function pointer by where it points to, of a function object by its type.
    static const registered_function* find(const void* address, maker how) noexcept {
        for (const auto* each = first; each; each = each->next_)
            if (each->address_ == address && each->make_ == how) return each;
        return nullptr;
    }

protected:
    registered_function(std::string called, const void* address, maker how)
        : key_(std::move(called)), address_(address), make_(how), next_(first) {
        first = this;
    }
    ~registered_function() = default;  // the list is read to the end of the program, and nobody leaves it

private:
    static inline constinit const registered_function* first = nullptr;

    const std::string key_;
    const void* const address_;  // null: its type says all of it
    const maker make_;
    const registered_function* const next_;
};

/// The result and the parameters of a function of which there is only one form.
template <class F>
struct form_of : form_of<decltype(&F::operator())> {};
template <class R, class... Args>
struct form_of<R (*)(Args...)> {
    using result = R;
    using parameters = std::tuple<Args...>;
};
template <class R, class... Args>
struct form_of<R (*)(std::stop_token, Args...)> : form_of<R (*)(Args...)> {};
template <class R, class... Args>
struct form_of<R (*)(Args...) noexcept> : form_of<R (*)(Args...)> {};
template <class C, class R, class... Args>
struct form_of<R (C::*)(Args...) const> : form_of<R (*)(Args...)> {};
template <class C, class R, class... Args>
struct form_of<R (C::*)(Args...) const noexcept> : form_of<R (*)(Args...)> {};

template <class F>
inline constexpr bool has_one_form = is_function_pointer<F>;
template <class F>
    requires requires { &F::operator(); } && std::is_empty_v<F> && std::is_default_constructible_v<F>
inline constexpr bool has_one_form<F> = true;

/// How a registered function is called with the bytes of a task, which are those of its parameters: what the range
/// gives is converted before it is sent.
template <class F, class Parameters = typename form_of<F>::parameters>
struct named_call;
template <class F, class... Parameters>
struct named_call<F, std::tuple<Parameters...>> {
    static constexpr std::size_t arity = sizeof...(Parameters);

    class function final : public remote_function {
    public:
        explicit function(F f) : f_(f) {}

        void run(byte_source& task, byte_sink& result, void (*task_returned)() noexcept) const override {
            reader in(task);
            std::tuple<std::remove_cvref_t<Parameters>...> elements{
                in.template read<std::remove_cvref_t<Parameters>>()...};
            const auto make = [&]() -> decltype(auto) {
                return std::apply(
                    [&](auto&... each) -> decltype(auto) {
                        return call_in_worker(f_, static_cast<Parameters&&>(each)...);
                    },
                    elements);
            };
            write_result_of(make, result, task_returned);
        }

    private:
        const F f_;
    };

    static std::unique_ptr<remote_function> make([[maybe_unused]] const void* address) {
        if constexpr (is_function_pointer<F>)
            return std::make_unique<function>(reinterpret_cast<F>(reinterpret_cast<std::uintptr_t>(address)));
        else
            return std::make_unique<function>(F());
    }

    static const void* address_of(const F& f) noexcept {
        if constexpr (is_function_pointer<F>)
            return address_of_code(f);
        else
            return nullptr;
    }

    template <class... Elements>
    static void write_elements(writer& out, const Elements&... each) {
        (out(static_cast<const std::remove_cvref_t<Parameters>&>(each)), ...);
    }

    template <class... Elements>
    static constexpr bool takes =
        sizeof...(Elements) == sizeof...(Parameters) &&
        (... && std::is_convertible_v<const Elements&, const std::remove_cvref_t<Parameters>&>);

    static std::string key(const char* name) {
        std::string text = concat({name, "("});
        ((text += concat({demangled(typeid(Parameters).name()), ":",
                          std::to_string(sizeof(std::remove_cvref_t<Parameters>)), ";"})),
         ...);
        return text + ")" + demangled(typeid(typename form_of<F>::result).name());
    }

    static constexpr bool expect_good() { return (... && expect_serializable<std::remove_cvref_t<Parameters>>()); }
};

/// What FANOUT_REGISTER makes.
template <class F>
class registration final : public registered_function {
    static_assert(has_one_form<F>,
                  "fanout: FANOUT_REGISTER takes a function, or a function object that holds nothing and has one "
                  "operator() const, with types of its own: no captures, no auto");

public:
    registration(const char* name, F f)
        : registered_function(named_call<F>::key(name), named_call<F>::address_of(f), named_call<F>::make) {
        static_assert(named_call<F>::expect_good());
    }
};

/// Whether a function of this type can have been registered for such elements.
template <class F, class... Elements>
inline constexpr bool can_be_called_by_name = [] {
    if constexpr (has_one_form<F>)
        return named_call<F>::template takes<Elements...>;
    else
        return false;
}();

/// Its entry; null if it was not registered.
template <class F, class... Elements>
const registered_function* registered_as([[maybe_unused]] const F& f) noexcept {
    if constexpr (can_be_called_by_name<F, Elements...>)
        return registered_function::find(named_call<F>::address_of(f), named_call<F>::make);
    else
        return nullptr;
}

}  // namespace fanout::detail

/// Gives a function a name that workers know which are another build of the program, for another kind of machine or
/// with other flags: they run it if they have registered a function of this name with the same parameters and result.
/// Without this all workers have to be the same build. At namespace scope, once for each function:
///
///     double root(double x) { return std::sqrt(x); }
///     FANOUT_REGISTER("root", root);
///
/// Takes a function, or a function object without captures. Elements and results must mean the same to both builds:
/// structs that are sent as they lie in memory have to be laid out alike.
#define FANOUT_REGISTER(name, ...)                                                                    \
    [[maybe_unused]] static const ::fanout::detail::registration<std::decay_t<decltype(__VA_ARGS__)>> \
    FANOUT_DETAIL_NAME(fanout_registered_, __COUNTER__)(name, __VA_ARGS__)
#define FANOUT_DETAIL_NAME(prefix, number) FANOUT_DETAIL_JOINED(prefix, number)
#define FANOUT_DETAIL_JOINED(prefix, number) prefix##number
