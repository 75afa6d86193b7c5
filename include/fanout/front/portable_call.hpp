// What every call needs whose tasks run in other processes, whatever its form.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <new>
#include <stop_token>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "fanout/core/backend.hpp"
#include "fanout/core/concat.hpp"
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

/// Backends whose workers are not forked from the caller say with their `remote` how a call becomes one that can be
/// sent: its function and all its elements too.
template <class Runner>
concept leaves_the_machine = requires { typename Runner::remote; };

/// Results that go to the caller as they lie in memory: small ones, since there is a place for each from the start.
template <class R>
inline constexpr bool is_handed_over_flat = sizeof(R) <= 64 && flat<R>;

/// Lets a plain std::bad_alloc say what it is due to. One in which something is nested stays as it is.
template <class Exception>
void explain(Exception& sent, const std::string& limit) {
    try {
        std::rethrow_exception(sent.exception);
    } catch (const std::bad_alloc& e) {
        if (typeid(e) != typeid(std::bad_alloc)) return;
        sent.what = concat({"the task wanted more than ", limit});
        sent.exception =
            std::make_exception_ptr(remote<std::bad_alloc>(sent.type, concat({sent.type, ": ", sent.what})));
    } catch (...) {
    }
}

/// `limit`: what memory the task was allowed, if it is known that there was not enough.
template <class Source>
received_exception read_explained_exception(Source& source, const std::string& limit) {
    received_exception sent = read_exception(source);
    if (!limit.empty() && sent.type.compare("std::bad_alloc") == 0) explain(sent, limit);
    return sent;
}

/// How exceptions become bytes and come back. That is much to compile, and a program needs it only if it has a backend
/// that leaves the process; who calls through a backend that is chosen at run time cannot know. So whoever has such a
/// backend puts the functions here.
struct exception_functions {
    void (*write)(byte_sink&);  // the one that is being handled
    received_exception (*read)(byte_source&, const std::string& limit);
};
inline constinit std::atomic<const exception_functions*> exceptions_as_bytes = nullptr;

/// Before the first call through `Backend`.
template <class Backend>
void teach_exceptions() {
    static constexpr exception_functions functions{write_current_exception<byte_sink>,
                                                   read_explained_exception<byte_source>};
    exceptions_as_bytes.store(&functions, std::memory_order_release);  // pairs with the loads in portable_call
}

/// `Form`: the loop, or several calls.
template <class Form>
class portable_call : public Form, public portable_tasks {
public:
    using Form::Form;

    template <class Runner>
    void finish_through(const Runner& runner) {
        if constexpr (leaves_the_process<Runner>) teach_exceptions<Runner>();
        Form::finish_through(runner);
    }

    portable_tasks* portable() noexcept final { return this; }

    void write_exception(byte_sink& to) final { functions().write(to); }

    void store_exception(failure known, byte_source& written) final {
        received_exception sent = functions().read(written, known.what);
        known.type = std::move(sent.type);
        known.what = std::move(sent.what);
        known.exception = std::move(sent.exception);
        store_failure(std::move(known));
    }

    [[noreturn]] void rethrow(byte_source& written) final {
        std::rethrow_exception(functions().read(written, {}).exception);
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

private:
    static const exception_functions& functions() noexcept {
        return *exceptions_as_bytes.load(std::memory_order_acquire);
    }
};

}  // namespace fanout::detail
