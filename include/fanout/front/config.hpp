// Defaults for a scope: what calls in it, and in what it calls, do unless they say otherwise.
#pragma once

#include <cstdio>
#include <exception>
#include <type_traits>
#include <utility>

#include "fanout/core/backend.hpp"
#include "fanout/core/co_owned.hpp"
#include "fanout/core/options.hpp"
#include "fanout/front/any_backend.hpp"
#include "fanout/front/in_force.hpp"
#include "fanout/front/settings.hpp"

namespace fanout {

/// `Settings` is detail::settings; a parameter, so that only who has a scope compiles it.
template <class Settings>
class basic_config {
public:
    /// Throws `std::invalid_argument` for what could never run.
    [[nodiscard]] explicit basic_config(options defaults) { begin(std::move(defaults), nullptr); }

    template <class Backend>
        requires(!std::is_same_v<Backend, basic_config>) && runs_jobs<Backend>
    [[nodiscard]] explicit basic_config(Backend chosen) {
        const any_backend held = std::move(chosen);
        begin({}, &held);
    }

    template <class Backend>
        requires runs_jobs<Backend>
    [[nodiscard]] basic_config(options defaults, Backend chosen) {
        const any_backend held = std::move(chosen);
        begin(std::move(defaults), &held);
    }

    basic_config(const basic_config&) = delete;
    basic_config& operator=(const basic_config&) = delete;
    static void* operator new(std::size_t) = delete;  // it is a scope: a local variable

    ~basic_config() {
        if (thread_ != &detail::settings_here || thread_->what != mine_.get()) end_the_program();
        thread_->what = outer_;
    }

private:
    void begin(options defaults, const any_backend* chosen) {
        detail::validated(defaults);
        detail::require_about_all_calls(defaults);
        outer_ = detail::current_settings<Settings>();
        const detail::co_owned<Settings> made(new Settings());
        made->defaults = std::move(defaults);
        if (outer_) detail::fill_in(made->defaults, outer_->defaults);
        made->chooses_backend = chosen || (outer_ && outer_->chooses_backend);
        if (made->chooses_backend) made->backend = chosen ? *chosen : outer_->backend;
        mine_ = detail::co_owned<const Settings>(made.get());
        thread_->what = mine_.get();
    }

    /// Whatever was in force from here on, nobody would have asked for it.
    [[noreturn]] static void end_the_program() {
        std::fputs(
            "fanout: a config was destroyed before one that was made after it in the same thread, or by another "
            "thread; make it a local variable, so that scopes end in the reverse order\n",
            stderr);
        std::terminate();
    }

    detail::co_owned<const Settings> mine_;
    const Settings* outer_ = nullptr;
    detail::in_force* const thread_ = &detail::settings_here;
};

/// As long as it lives, calls in this thread that leave an option or the backend out are run as it says:
///
///     config scope({.n_jobs = 2}, processes{});
///     parallel()(delayed(f), range);                 // two worker processes
///     parallel(4)(delayed(f), range);                // four: what is written at the call wins
///     parallel(threads{})(delayed(f), range);        // two threads
///
/// Scopes nest: what one leaves out is as in the one around it, and outside of all as in the environment, which is read
/// at the first call: `FANOUT_N_JOBS`, `FANOUT_BACKEND` ("processes?retries=0"; see environment.hpp), `FANOUT_VERBOSE`.
/// Tasks see the scopes of their caller, on whatever backend they run. Other threads do not. A `parallel` object has
/// what was in force when it was made. Backends that are not written where they are used are found at run time, so a
/// result that cannot leave the process is an exception then, as with `any_backend`.
///
/// A scope ends where it was begun, inside the one around it; anything else ends the program with a message.
/// Costs 0.1 us; calls without a scope pay nothing.
using config = basic_config<detail::settings>;

}  // namespace fanout
