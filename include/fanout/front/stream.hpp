// The results of a loop as a range, while the loop runs: for (auto result : parallel(4).stream(delayed(f), range)).
#pragma once

#include <unistd.h>

#include <concepts>
#include <cstddef>
#include <exception>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>

#include "fanout/core/backend.hpp"
#include "fanout/core/clock.hpp"
#include "fanout/core/concat.hpp"
#include "fanout/core/deferred.hpp"
#include "fanout/core/delayed.hpp"
#include "fanout/core/errors.hpp"
#include "fanout/core/exchanged.hpp"
#include "fanout/core/light_standard.hpp"
#include "fanout/core/misuse.hpp"
#include "fanout/core/options.hpp"
#include "fanout/core/plain_thread.hpp"
#include "fanout/core/thread_budget.hpp"
#include "fanout/front/call.hpp"
#include "fanout/front/checked_loop.hpp"
#include "fanout/front/in_force.hpp"
#include "fanout/front/settings.hpp"
#include "fanout/front/several.hpp"
#include "fanout/front/windowed_loop.hpp"

namespace fanout {

namespace detail {

/// What a stream reads from: one virtual call a chunk, none a result.
template <class T>
class stream_source {
public:
    using slot = std::optional<T>;

    stream_source() = default;
    stream_source(const stream_source&) = delete;
    stream_source& operator=(const stream_source&) = delete;
    virtual ~stream_source() = default;

    bool is_at_end() const noexcept { return !at_; }
    T& current() const noexcept { return **at_; }

    void advance() {
        if (!at_) throw std::logic_error("fanout: a stream was read beyond its end; compare the iterator with end()");
        at_->reset();
        if (++at_ != last_) return;
        read_on();
    }

    /// The first time, or behind where the last loop over it was left.
    void begin() {
        if (at_) return advance();
        if (!has_ended_) read_on();
    }

    /// A forked child has the stream, but not the thread that runs it.
    virtual bool belongs_to_another_process() const noexcept = 0;

protected:
    /// Starts the loop if it has not been started, and waits for results. False: there are none any more. Throws what
    /// ended it early; then it is over.
    virtual bool next(slot*& first, slot*& last) = 0;

private:
    void read_on() {
        at_ = last_ = nullptr;
        has_ended_ = true;
        has_ended_ = !next(at_, last_);
    }

    slot* at_ = nullptr;
    slot* last_ = nullptr;
    bool has_ended_ = false;
};

/// What a thread takes over from the one that it works for, and that waits for it meanwhile.
class inherited {
public:
    inherited() noexcept : budget_(budget_here), call_(call_here), is_own_thread_(is_own_thread) {}

    void take_over() const noexcept {
        budget_here = budget_;  // a call that it opens is inside of the other's
        call_here = call_;
        is_own_thread = is_own_thread_;  // when it forks, it counts in place of the other
    }

private:
    thread_budget* budget_;
    void* call_;
    bool is_own_thread_;
};

template <class F>
const F& function_of(const delayed_function<F>& kept) {
    return kept.function();
}
inline const make_the_call& function_of(const make_the_call& kept) { return kept; }

/// `Ranges`: a reference if the range is the caller's, a value if it is the stream's own.
///
/// It is the same run as that of a call, on a thread of its own, so that no backend knows of streams: whoever claims
/// tasks has to wait when too many results have not been taken. The thread starts when the first result is asked for:
/// on processes the caller then waits while workers are forked. A backend that runs everything in the calling thread
/// is run there too, for one task whenever a result is wanted.
template <class Loop, class Runner, class Function, class... Ranges>
class running_stream final : public stream_source<typename Loop::value_type> {
    using typename stream_source<typename Loop::value_type>::slot;

public:
    running_stream(const call_plan& plan, Runner&& runner, Function&& f, Ranges&&... ranges)
        : wishes_(plan.wishes),
          summaries_(plan.summaries),
          plan_{wishes_, plan.n_jobs, plan.backend, plan.summaries},
          runner_(std::move(runner)),
          function_(std::move(f)),
          ranges_(std::forward<Ranges>(ranges)...),
          settings_(keep_current_settings()) {}
    ~running_stream() override {
        if (course_) loop_->abandon();
        end();
    }

    bool belongs_to_another_process() const noexcept override { return thread_.joinable() && getpid() != process_; }

private:
    bool next(slot*& first, slot*& last) override {
        if (belongs_to_another_process())
            throw std::logic_error(
                "fanout: a stream cannot be read in a forked child when it was begun before: its thread is in the "
                "process that has begun it; read it there, or make a stream in the child");
        if (!loop_) start();
        typename Loop::window_type::batch batch;
        if (!loop_->take(batch) && !(on_demand_ && made_one_more(batch))) {
            end();
            if (error_) std::rethrow_exception(exchanged(error_, nullptr));
            if (on_demand_) loop_->throw_what_ended_it();
            loop_->require_all_done();
            return false;
        }
        first = batch.first;
        last = batch.last;
        return true;
    }

    void start() {
        on_demand_ = runs_in_caller(runner_);
        inherited_.emplace();
        const settings_on_loan as_when_it_was_made(settings_.get());
        std::apply(
            [this](auto&... ranges) {
                loop_.emplace(plan_, claims_as_it_goes(runner_), on_demand_, function_of(function_), ranges...);
            },
            ranges_);
        if (on_demand_) return static_cast<void>(course_.emplace(*loop_));
        process_ = getpid();
        thread_ = plain_thread(run_in_thread, this);
    }

    bool made_one_more(typename Loop::window_type::batch& batch) {
        if (!course_) return false;  // it did not get as far as that
        try {
            course_->run_through(runner_);
        } catch (...) {
            course_.reset();
            throw;
        }
        return loop_->take(batch);
    }

    static void* run_in_thread(void* me) {
        const own_thread_mark mark;
        static_cast<running_stream*>(me)->run();
        return nullptr;
    }

    void run() noexcept {
        inherited_->take_over();
        try {
            loop_->finish_through(runner_);
        } catch (...) {
            error_ = std::current_exception();
        }
        loop_->end();
    }

    /// Waits until nothing runs any more.
    void end() noexcept {
        if (thread_.joinable()) {
            loop_->abandon();
            thread_.join();
        }
        if (course_) course_->end();
        course_.reset();
    }

    const options wishes_;
    const co_owned<counts_owners> summaries_;
    const call_plan plan_;
    const Runner runner_;
    const Function function_;
    std::tuple<Ranges...> ranges_;
    const co_owned<const settings> settings_;  // the tasks see those, though their scope has ended
    std::optional<Loop> loop_;
    bool on_demand_ = false;
    std::optional<typename Loop::template course<clock>> course_;  // on demand; else it is the thread's
    deferred<std::optional<inherited>, Loop> inherited_;
    std::exception_ptr error_;
    pid_t process_ = 0;
    plain_thread thread_;
};

}  // namespace detail

/// The results of a loop that is running: what `parallel(...).stream(...)` gives. An input range, to be read once:
///
///     for (auto& page : ...)             does not compile, since a result is given away:
///     for (auto page : ...)              moves it into `page`
///     for (const auto& page : ...)       leaves it where it is, until the next one
///
/// Nothing runs before `begin()`. No more than `options::pre_dispatch` tasks, or twice as many chunks as jobs, are
/// claimed beyond those whose results have been taken. When it is destroyed no further task starts, those that run are
/// finished, or killed on processes, and nothing is left of them.
///
/// It owns the function, ranges that were given as rvalues, the backend and its workers; it refers to ranges that were
/// given as lvalues. It can be moved while it is read, and read in another thread than it was made in, by one at a
/// time. After an exception it is at its end. One that a task has begun to read has to end before the task does.
template <class T>
class [[nodiscard]] stream {
public:
    class iterator {
    public:
        using iterator_concept = std::input_iterator_tag;
        using value_type = T;
        using difference_type = std::ptrdiff_t;

        iterator() = default;
        explicit iterator(detail::stream_source<T>& from) noexcept : from_(&from) {}

        T&& operator*() const noexcept { return std::move(from_->current()); }

        /// Waits for the next result. Throws the exception of the task that comes next, or what ended the loop.
        iterator& operator++() {
            from_->advance();
            return *this;
        }
        void operator++(int) { ++*this; }

        friend bool operator==(const iterator& at, std::default_sentinel_t) noexcept { return at.from_->is_at_end(); }

    private:
        detail::stream_source<T>* from_ = nullptr;
    };

    explicit stream(std::unique_ptr<detail::stream_source<T>> source) noexcept : source_(std::move(source)) {}
    stream(stream&&) noexcept = default;
    stream& operator=(stream&& other) noexcept {
        stream ended(std::move(*this));
        source_ = std::move(other.source_);
        return *this;
    }
    ~stream() {
        // There is nobody to wait for.
        if (source_ && source_->belongs_to_another_process()) static_cast<void>(source_.release());
    }

    /// Starts the loop and waits for its first result. Called again it goes on behind the last result that was given;
    /// at the end it stays there.
    iterator begin() {
        if (!source_) throw std::logic_error("fanout: this stream was moved from; read the one that it was moved into");
        source_->begin();
        return iterator(*source_);
    }
    std::default_sentinel_t end() const noexcept { return {}; }

private:
    std::unique_ptr<detail::stream_source<T>> source_;
};

namespace detail {

template <taken Taken, class Runner, class Function, class F, class... Ranges>
auto make_stream_of(const call_plan& plan, Runner&& runner, Function&& kept, std::type_identity<F>,
                    Ranges&&... ranges) {
    constexpr bool can_be_kept = (std::constructible_from<Ranges, Ranges> && ...);
    static_assert(can_be_kept,
                  "fanout: a stream keeps a range that is given as an rvalue, and this one cannot be moved; give it as "
                  "an lvalue that outlives the stream");
    if constexpr (!can_be_kept) {
        return misuse();
    } else {
        return checked_loop<F, std::remove_reference_t<Ranges>...>(runner, [&](auto portable) {
            using plain_loop = streamed_loop<Taken, F, std::remove_reference_t<Ranges>...>;
            using loop = typename loop_to_run<plain_loop, portable>::type;
            using source = running_stream<loop, Runner, Function, Ranges...>;
            using value = typename loop::value_type;
            return stream<value>(std::unique_ptr<stream_source<value>>(
                new source(plan, std::move(runner), std::move(kept), std::forward<Ranges>(ranges)...)));
        });
    }
}

/// From what was written in the parentheses to a stream.
template <taken Taken, class Runner, class First, class... Rest>
auto make_stream(const call_plan& plan, Runner runner, First&& first, Rest&&... rest) {
    using first_type = std::remove_cvref_t<First>;
    if constexpr (any_misuse<First, Rest...>) {
        return misuse();
    } else if constexpr (is_delayed_function<first_type> && sizeof...(Rest) > 0) {
        using function_type = std::remove_cvref_t<decltype(first.function())>;
        return make_stream_of<Taken>(plan, std::move(runner), first_type(std::forward<First>(first)),
                                     std::type_identity<function_type>(), std::forward<Rest>(rest)...);
    } else if constexpr (is_range_of_calls<std::remove_reference_t<First>> && sizeof...(Rest) == 0) {
        return make_stream_of<Taken>(plan, std::move(runner), make_the_call(), std::type_identity<make_the_call>(),
                                     std::forward<First>(first));
    } else if constexpr (is_delayed_longest_first<first_type>) {
        return longest_first_out_of_place<First>();
    } else {
        static_assert(never<First>,
                      "fanout: a stream runs over ranges: parallel(n).stream(delayed(f), range), or over one range of "
                      "delayed calls");
        return misuse();
    }
}

template <taken Taken, class Runner>
misuse make_stream(const call_plan&, const Runner&) {
    static_assert(never<Runner>, "fanout: there is nothing to run: parallel(n).stream(delayed(f), range)");
    return {};
}

}  // namespace detail

}  // namespace fanout
