// What keeps the record of a run, and the options that ask for one. Who does not ask compiles nothing of it: the way to
// a recorder is taken by the constructors of these options.
#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>

#include "fanout/core/clock.hpp"
#include "fanout/core/co_owned.hpp"
#include "fanout/core/owned.hpp"
#include "fanout/core/run_observer.hpp"

namespace fanout {

namespace detail {

/// How a call began.
struct run_beginning {
    const std::string& trace;  // the path of the file; empty: none
    counts_owners* summaries;  // a last_summary; null: none
    int n_jobs;
    const char* backend;
    clock::time_point started;
};

/// How it ended.
struct run_end {
    clock::time_point ended;
    std::size_t tasks;
    std::size_t failed;
    run_status status;
};

/// One per call that is recorded. Each worker may tell of its own tasks at once with others.
class recorder {
public:
    recorder(const recorder&) = delete;
    recorder& operator=(const recorder&) = delete;
    virtual ~recorder() = default;

    virtual void add(const task_times& times) noexcept = 0;
    virtual void add_failure(std::size_t index) noexcept = 0;  // while its exception is being handled
    virtual void add_failure(const failure& why) noexcept = 0;
    virtual void end(const run_end& how) noexcept = 0;

protected:
    recorder() = default;
};

using make_recorder_function = owned<recorder>(const run_beginning&);

// Defined in front/run_record.hpp and front/summary.hpp.
template <class Clock>
owned<recorder> make_recorder(const run_beginning& how);
template <class Clock>
co_owned<counts_owners> make_last_summary();

}  // namespace detail

/// `options::trace`: a text, or nothing.
class trace_path {
public:
    trace_path() = default;
    template <class Text>
        requires(!std::same_as<std::decay_t<Text>, trace_path> && std::convertible_to<Text, std::string>)
    trace_path(Text&& path) : path_(std::forward<Text>(path)) {
        if (!path_.empty()) make_recorder_ = detail::make_recorder<detail::clock>;
    }

    const std::string& text() const noexcept { return path_; }
    detail::make_recorder_function* make_recorder() const noexcept { return make_recorder_; }

private:
    std::string path_;
    detail::make_recorder_function* make_recorder_ = nullptr;
};

/// `options::summarize`: true or false.
class summary_wish {
public:
    summary_wish() = default;
    template <std::same_as<bool> Bool>
    summary_wish(Bool wanted) {
        if (!wanted) return;
        make_recorder_ = detail::make_recorder<detail::clock>;
        make_place_ = detail::make_last_summary<detail::clock>;
    }

    explicit operator bool() const noexcept { return make_place_ != nullptr; }
    detail::make_recorder_function* make_recorder() const noexcept { return make_recorder_; }
    detail::co_owned<detail::counts_owners> make_place() const {
        return make_place_ ? make_place_() : detail::co_owned<detail::counts_owners>();
    }

private:
    detail::make_recorder_function* make_recorder_ = nullptr;
    detail::co_owned<detail::counts_owners> (*make_place_)() = nullptr;
};

}  // namespace fanout
