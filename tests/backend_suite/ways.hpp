// The ways in which a user runs a loop through a backend: each call by a temporary, or all through one object.
#pragma once

#include <fanout/front/parallel.hpp>

#include <optional>
#include <utility>

#include "backend_suite.hpp"
#include "catch.hpp"

namespace backend_suite {

struct kept_backend {
    static constexpr bool leaves_the_process = true;
    tested_backend::run_function how;
    void run(fanout::job& work, int n_jobs) const { how(work, n_jobs); }
};

/// To be given to `parallel`. It says that it leaves the process, also if it does not: then any backend can run the
/// call.
struct backend_of {
    static constexpr const char* name = "tested backend";
    static constexpr bool leaves_the_process = true;
    const tested_backend* which;
    void run(fanout::job& work, int n_jobs) const { which->run(work, n_jobs); }
    kept_backend keep() const { return {which->keep()}; }
};

/// Looks like a `parallel` object.
class way {
public:
    way(const tested_backend& backend, const fanout::options& wishes, bool keeps)
        : backend_{&backend}, wishes_(wishes) {
        if (keeps) kept_.emplace(fanout::parallel(wishes, backend_));
    }

    template <class... What>
    auto operator()(What&&... what) const {
        if (kept_) return (*kept_)(std::forward<What>(what)...);
        return fanout::parallel(wishes_, backend_)(std::forward<What>(what)...);
    }

    template <class... What>
    auto outcomes(What&&... what) const {
        if (kept_) return kept_->outcomes(std::forward<What>(what)...);
        return fanout::parallel(wishes_, backend_).outcomes(std::forward<What>(what)...);
    }

private:
    backend_of backend_;
    fanout::options wishes_;
    std::optional<fanout::parallel_call<backend_of>> kept_;
};

/// Calls `check(run)` for each way, where `run(delayed(f), range)` runs a loop.
template <class Check>
void each_way(const tested_backend& backend, const fanout::options& wishes, const Check& check) {
    {
        INFO("each call by a temporary, n_jobs = " << *wishes.n_jobs);
        check(way(backend, wishes, false));
    }
    {
        INFO("all calls through one object, n_jobs = " << *wishes.n_jobs);
        check(way(backend, wishes, true));
    }
}

inline const auto once = [](int i) { return i; };

}  // namespace backend_suite
