// Every promise of a backend as a test that any backend can be run through. Yours too:
//
//     TEST_CASE("my_backend keeps the promises of a backend") {
//         backend_suite::check(my_backend{}, {.tasks_can_wait_for_one_another = false});
//     }
//
// The tests themselves are compiled once, in backend_suite/*.cpp: link the library of that name.
#pragma once

#include <fanout/core/backend.hpp>

#include <functional>
#include <memory>
#include <utility>

namespace backend_suite {

/// What is not the same for all backends.
struct traits {
    /// Tasks see and change the variables of the caller. False: they run in other processes, forked at the call.
    bool shares_memory = true;

    /// As many tasks as n_jobs says are really at it at once, also if that is more than there are CPUs.
    bool tasks_can_wait_for_one_another = true;
};

/// Any backend, its type erased: the tests are compiled for this one.
class tested_backend {
public:
    using run_function = std::function<void(fanout::job&, int)>;

    template <fanout::runs_jobs Backend>
    tested_backend(Backend backend, const traits& its)
        : traits_(its),
          backend_(std::make_shared<const Backend>(std::move(backend))),
          run_([of = static_cast<const Backend*>(backend_.get())](fanout::job& work, int n_jobs) {
              of->run(work, n_jobs);
          }) {
        if constexpr (fanout::keeps_workers<Backend>)
            keep_ = [of = static_cast<const Backend*>(backend_.get())]() -> run_function {
                const auto kept = std::make_shared<decltype(of->keep())>(of->keep());
                return [kept](fanout::job& work, int n_jobs) { kept->run(work, n_jobs); };
            };
        else
            keep_ = [this] { return run_; };
    }
    tested_backend(const tested_backend&) = delete;
    tested_backend& operator=(const tested_backend&) = delete;

    const traits& its() const { return traits_; }
    void run(fanout::job& work, int n_jobs) const { run_(work, n_jobs); }

    /// What a named `parallel` object runs its calls through.
    run_function keep() const { return keep_(); }

private:
    traits traits_;
    std::shared_ptr<const void> backend_;
    run_function run_;
    std::function<run_function()> keep_;
};

void check_results(const tested_backend& backend);    // order, every form of call, every kind of input and result
void check_failures(const tested_backend& backend);   // exceptions and outcomes
void check_stopping(const tested_backend& backend);   // stop, timeout, deadline
void check_workers(const tested_backend& backend);    // how many at once, their numbers, calls inside of calls
void check_in_memory(const tested_backend& backend);  // what only tasks in the same process can do

/// All of them. Inside of a TEST_CASE, which it divides into sections.
template <fanout::runs_jobs Backend>
void check(Backend backend, const traits& its) {
    const tested_backend tested(std::move(backend), its);
    check_results(tested);
    check_failures(tested);
    check_stopping(tested);
    check_workers(tested);
    if (its.shares_memory) check_in_memory(tested);
}

}  // namespace backend_suite
