// Runs one check over everything that a user can run a loop through: temporaries, a kept object, the plain loop.
#pragma once

#include <fanout/core/options.hpp>
#include <fanout/core/sequential.hpp>
#include <fanout/front/parallel.hpp>
#include <fanout/processes/processes.hpp>
#include <fanout/threads/threads.hpp>
#include <optional>
#include <utility>

#include "catch.hpp"

/// Looks like a `parallel` object. One type for all backends, so that a check is compiled only once.
class any_backend {
public:
    enum kind { temporaries_on_threads, kept_on_threads, on_sequential };

    any_backend(kind which, const fanout::options& wishes) : kind_(which), wishes_(wishes) {
        if (which == kept_on_threads) kept_.emplace(fanout::parallel(wishes, fanout::threads{}));
    }

    template <class... What>
    auto operator()(What&&... what) const {
        if (kind_ == kept_on_threads) return (*kept_)(std::forward<What>(what)...);
        if (kind_ == on_sequential) return fanout::parallel(wishes_, fanout::sequential{})(std::forward<What>(what)...);
        return fanout::parallel(wishes_, fanout::threads{})(std::forward<What>(what)...);
    }

    template <class... What>
    auto outcomes(What&&... what) const {
        if (kind_ == kept_on_threads) return kept_->outcomes(std::forward<What>(what)...);
        if (kind_ == on_sequential)
            return fanout::parallel(wishes_, fanout::sequential{}).outcomes(std::forward<What>(what)...);
        return fanout::parallel(wishes_, fanout::threads{}).outcomes(std::forward<What>(what)...);
    }

private:
    kind kind_;
    fanout::options wishes_;
    std::optional<fanout::parallel_call<fanout::threads>> kept_;
};

/// For what needs several tasks at once: calls `check(run)` for temporaries and for a kept object, where
/// `run(delayed(f), range)` runs a loop.
template <class Check>
void on_threads(const fanout::options& wishes, const Check& check) {
    {
        INFO("on threads, each call by a temporary");
        check(any_backend(any_backend::temporaries_on_threads, wishes));
    }
    {
        INFO("on threads, all calls through one object");
        check(any_backend(any_backend::kept_on_threads, wishes));
    }
}

/// The same for all backends.
template <class Check>
void on_each_backend(const fanout::options& wishes, const Check& check) {
    on_threads(wishes, check);
    INFO("on sequential");
    check(any_backend(any_backend::on_sequential, wishes));
}

/// The same for worker processes too: for checks that need nothing of their tasks but results, which can be sent.
template <class Check>
void on_all_backends(const fanout::options& wishes, const Check& check) {
    on_each_backend(wishes, check);
    INFO("on processes");
    check(fanout::parallel(wishes, fanout::processes{}));
}
