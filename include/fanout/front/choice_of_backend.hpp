// Which backend a call gets that does not name one.
#pragma once

#include <concepts>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <utility>

#include "fanout/core/backend.hpp"
#include "fanout/core/concat.hpp"
#include "fanout/core/options.hpp"
#include "fanout/front/any_backend.hpp"
#include "fanout/front/settings.hpp"

namespace fanout {

namespace detail {

/// A backend to be used if the surroundings have chosen none.
struct preferred {
    any_backend backend;
};

template <class Backend>
bool runs_elsewhere(const Backend& backend) {
    if constexpr (chosen_at_run_time<Backend>)
        return backend.leaves_the_process();
    else
        return leaves_the_process<Backend>;
}

template <class Backend>
void require_shared_memory(const Backend& backend, const char* name) {
    if (runs_elsewhere(backend))
        throw std::invalid_argument(concat({"fanout: require = shared_memory, but tasks of ", name,
                                            " run in other processes; use threads{}, or leave the requirement out"}));
}

/// Out of line, since there are seldom surroundings that say anything.
template <class Any, class Settings>
[[gnu::cold, gnu::noinline]] Any chosen_by(const Settings& now, const options& wishes, Any otherwise) {
    const bool must_share = wishes.require == shared_memory || now.defaults.require == shared_memory;
    if (must_share) require_shared_memory(otherwise, otherwise.name());
    if (!now.chooses_backend) return otherwise;
    if (!must_share || !now.backend.leaves_the_process()) return now.backend;
    if (wishes.verbose.value_or(now.defaults.verbose.value_or(0)) >= 10) {
        const char* const name = now.backend.name();
        std::fprintf(stderr, "fanout: threads instead of %s, since shared memory is required\n", name);
    }
    return Any();
}

/// What the surroundings have chosen, or `otherwise`.
template <class Any, class Settings = settings>
Any chosen_backend(const options& wishes, Any otherwise) {
    const Settings* const now = current_settings<Settings>();
    if (!now) [[likely]]
        return otherwise;
    return chosen_by(*now, wishes, std::move(otherwise));
}

}  // namespace detail

/// A backend for calls, or for a part of a program, that have no say in it: it is used unless a `config` scope or the
/// environment has chosen another.
///
///     parallel(2, prefer(processes{}))(delayed(f), range)
template <runs_jobs Backend>
[[nodiscard]] detail::preferred prefer(Backend backend) {
    return {std::move(backend)};
}

}  // namespace fanout
