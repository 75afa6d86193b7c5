// What every call needs whose tasks run in other processes, whatever its form.
#pragma once

#include <cstddef>
#include <exception>
#include <new>
#include <stop_token>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "fanout/core/backend.hpp"
#include "fanout/core/delayed.hpp"
#include "fanout/core/failure.hpp"
#include "fanout/core/portable_tasks.hpp"
#include "fanout/serialize/exceptions.hpp"
#include "fanout/serialize/flat.hpp"
#include "fanout/serialize/remote_exception.hpp"

namespace fanout::detail {

/// Backends that say `static constexpr bool leaves_the_process = true`: what their tasks give must be serializable.
template <class Runner>
concept leaves_the_process = requires { requires Runner::leaves_the_process; };

/// Results that go to the caller as they lie in memory: small ones, since there is a place for each from the start.
template <class R>
inline constexpr bool is_handed_over_flat = sizeof(R) <= 64 && flat<R>;

/// `Form`: the loop, or several calls.
template <class Form>
class portable_call : public Form, public portable_tasks {
public:
    using Form::Form;

    portable_tasks* portable() noexcept final { return this; }

    void write_exception(byte_sink& to) final { write_current_exception(to); }

    void store_exception(failure known, byte_source& written) final {
        received_exception sent = read_exception(written);
        if (!known.what.empty() && sent.type == "std::bad_alloc") explain(sent, known.what);
        known.type = std::move(sent.type);
        known.what = std::move(sent.what);
        known.exception = std::move(sent.exception);
        store_failure(std::move(known));
    }

    [[noreturn]] void rethrow(byte_source& written) final { std::rethrow_exception(read_exception(written).exception); }

private:
    /// Lets a plain std::bad_alloc say what it is due to. One in which something is nested stays as it is.
    static void explain(received_exception& sent, const std::string& limit) {
        try {
            std::rethrow_exception(sent.exception);
        } catch (const std::bad_alloc& e) {
            if (typeid(e) != typeid(std::bad_alloc)) return;
            sent.what = "the task wanted more than " + limit;
            sent.exception = std::make_exception_ptr(remote<std::bad_alloc>(sent.type, sent.type + ": " + sent.what));
        } catch (...) {
        }
    }

protected:
    /// In a worker process. A token can be asked there, but nobody asks for a stop: what is too slow is killed.
    template <class F, class... Args>
    static decltype(auto) call_here(F&& f, Args&&... args) {
        if constexpr (wants_stop_token<F, Args...>) {
            const std::stop_source nobody;
            return call_with_token(nobody.get_token(), std::forward<F>(f), std::forward<Args>(args)...);
        } else {
            return call_function(std::forward<F>(f), std::forward<Args>(args)...);
        }
    }
};

}  // namespace fanout::detail
