// What applies to calls that do not say otherwise: the `config` scopes around them, and outside of all the environment.
#pragma once

#include <cerrno>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "fanout/core/co_owned.hpp"
#include "fanout/core/concat.hpp"
#include "fanout/core/options.hpp"
#include "fanout/core/sequential.hpp"
#include "fanout/front/any_backend.hpp"
#include "fanout/front/backend_names.hpp"
#include "fanout/front/in_force.hpp"
#include "fanout/threads/threads.hpp"

namespace fanout::detail {

/// Complete: those of the scopes further out are in it. Never changed once they are in force.
struct settings : counts_owners {
    options defaults;
    any_backend backend;
    bool chooses_backend = false;
};

// Templates over the settings, so that only who makes a call compiles them.

/// The value of an environment variable, null if it is empty too.
inline const char* variable(const char* name) {
    const char* const text = std::getenv(name);
    return text && *text ? text : nullptr;
}

template <class Text>
int whole_number_in(const char* name, const char* value, const Text& expected) {
    char* end = nullptr;
    errno = 0;
    const long number = std::strtol(value, &end, 10);
    const bool is_number = (*value == '-' || (*value >= '0' && *value <= '9')) && end != value && *end == '\0';
    if (!is_number || errno != 0 || !std::in_range<int>(number))
        throw std::invalid_argument(
            concat({"fanout: ", name, "=", value, " is not a whole number; set it to ", expected, ", or not at all"}));
    return static_cast<int>(number);
}

template <class Any>
Any backend_in_environment(const char* value) {
    const std::string where = concat({"FANOUT_BACKEND=", value});
    if (const auto find = find_backend.load(std::memory_order_acquire)) return find(value, where);
    const std::string_view name = value;
    if (name.compare(threads::name) == 0) return Any();
    if (name.compare(sequential::name) == 0) return Any(sequential());
    if (name.compare("tcp") == 0) throw std::invalid_argument(concat({"fanout: ", where, tcp_is_written_at_the_call}));
    const bool is_near = names("thread,Threads,threading", name);
    throw std::invalid_argument(
        concat({"fanout: ", where, is_near ? " (did you mean threads?)" : "",
                ": this program can choose between threads and sequential only; to have all "
                "backends in it, #include <fanout/environment.hpp> in one of its source files"}));
}

template <class Settings>
co_owned<const Settings> read_environment() {
    const char* const n_jobs = variable("FANOUT_N_JOBS");
    const char* const backend = variable("FANOUT_BACKEND");
    const char* const verbose = variable("FANOUT_VERBOSE");
    if (!n_jobs && !backend && !verbose) return {};
    const co_owned<Settings> read(new Settings());
    if (n_jobs) {
        constexpr std::string_view expected = "-1 for all CPUs, or to a number such as 4";
        read->defaults.n_jobs = whole_number_in("FANOUT_N_JOBS", n_jobs, expected);
        if (read->defaults.n_jobs == 0)
            throw std::invalid_argument(
                concat({"fanout: FANOUT_N_JOBS=0 has no meaning; set it to ", expected, ", or not at all"}));
    }
    if (verbose) {
        constexpr std::string_view expected = "0 for silence, or to a number such as 10";
        read->defaults.verbose = whole_number_in("FANOUT_VERBOSE", verbose, expected);
    }
    if (backend) {
        read->backend = backend_in_environment<any_backend>(backend);
        read->chooses_backend = true;
    }
    return co_owned<const Settings>(read.get());
}

/// Read once in a process, when it is first needed; what makes no sense is an error every time.
template <class Settings>
[[gnu::cold, gnu::noinline]] const Settings* settings_of_environment() {
    static const auto* const read = new co_owned<const Settings>(read_environment<Settings>());
    return read->get();
}

/// What is in force in this thread; null if nothing is, which is all that it costs most programs. Throws
/// `std::invalid_argument` for an environment that makes no sense.
template <class Settings = settings>
const Settings* current_settings() {
    in_force& here = settings_here;
    if (!here.what && !here.knows_environment) [[unlikely]] {
        here.what = settings_of_environment<Settings>();
        here.knows_environment = true;
    }
    return here.what;
}

/// The same for who outlives the scope that he was made in, as a stream does: he keeps this, and has a
/// `settings_on_loan(kept.get())` in the thread that makes the call. What is made of them, as the options of a
/// `parallel` object, has been taken already and is not affected.
template <class Settings = settings>
co_owned<const Settings> keep_current_settings() {
    return co_owned<const Settings>(current_settings<Settings>());
}

/// These options, with those that are not set as the surroundings have them.
template <class Options, class Settings = settings>
Options&& with_settings(Options&& given) {
    if (const Settings* const now = current_settings<Settings>()) [[unlikely]]
        fill_in(given, now->defaults);
    return std::forward<Options>(given);
}

}  // namespace fanout::detail
