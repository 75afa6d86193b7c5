// What `options::verbose` says, and when: the lines that joblib writes, to the letter.
#pragma once

#include <cstddef>
#include <cstdio>

#include "fanout/core/exchanged.hpp"
#include "fanout/core/progress.hpp"

namespace fanout::detail {

/// joblib hands a task out for each that comes back; what it says depends on how many it has handed out. `window` is
/// how many it would have had out at once: `pre_dispatch`, and one for a loop that runs in the calling thread.
template <class Clock>
class verbose_lines {
public:
    struct way {
        int verbose = 0;
        int requested_jobs = -1;
        bool in_caller = false;
        bool has_length = false;
        std::size_t window = 1;
    };

    explicit verbose_lines(const way& how) : how_(how) {}

    /// What comes before everything; nothing if there is nothing to say.
    void say_first(const char* backend, int workers) const {
        if (!how_.in_caller) say("Using backend %s with %d concurrent workers.\n", backend, workers);
    }

    /// If this is a moment to say something, given what was done when it was last asked.
    void say_if_due(const progress& now) {
        const std::size_t before = exchanged(done_, now.done);
        if (now.done == before || (now.total_is_known && now.done >= now.total)) return;
        const joblib_time elapsed(now.elapsed.count());
        if (now.total_is_known && now.done + how_.window >= now.total + 2) {
            if (!is_due_at_the_end(before, now)) return;
            const double each = now.elapsed.count() / static_cast<double>(now.done);
            const joblib_time remaining(each * static_cast<double>(now.total - now.done));
            say("Done %*zu out of %*zu | elapsed: %s remaining: %s\n", width(now), now.done, width(now), now.total,
                elapsed.text, remaining.text);
        } else if (is_due_while_handing_out(before, now.done)) {
            if (how_.has_length)
                say("Done %*zu out of %*zu | elapsed: %s\n", width(now), now.done, width(now), now.total, elapsed.text);
            else
                say("Done %3zu tasks      | elapsed: %s\n", now.done, elapsed.text);
        }
    }

    /// The last one, of a call that has succeeded. joblib says nothing more of an empty loop, unless it is sequential.
    void say_last(const progress& now) const {
        if (now.done == 0 && !how_.in_caller) return;
        say("Done %*zu out of %*zu | elapsed: %s finished\n", width(now), now.done, width(now), now.done,
            joblib_time(now.elapsed.count()).text);
    }

private:
    /// " 12.3s", padded to a width of seven; from a minute on "12.3min", and never hours.
    struct joblib_time {
        explicit joblib_time(double time) {
            if (time > 60)
                std::snprintf(text, sizeof text, "%4.1fmin", time / 60);
            else
                std::snprintf(text, sizeof text, " %5.1fs", time);
        }
        char text[40];
    };

    /// In one piece, so that the lines of several calls do not mix.
    template <class... Values>
    void say(const char* format, Values... values) const {
        char line[240];
        const int start = std::snprintf(line, sizeof line, "[Parallel(n_jobs=%d)]: ", how_.requested_jobs);
        std::snprintf(line + start, sizeof line - static_cast<std::size_t>(start), format, values...);
        std::FILE* const where = how_.verbose < 50 ? stderr : stdout;
        std::fputs(line, where);
        std::fflush(where);
    }

    bool is_due_while_handing_out(std::size_t before, std::size_t done) const {
        if (how_.verbose > 10) return true;
        const double lag = 0.5 * (11 - how_.verbose) * (11 - how_.verbose);
        const auto step = [&](std::size_t tasks) {
            // The compiler's own: <cmath> would cost everybody a tenth of what <thread> costs.
            return static_cast<std::size_t>(__builtin_sqrt(static_cast<double>(tasks + how_.window) / lag));
        };
        return step(before) != step(done);
    }

    /// About `verbose` lines for a whole loop, were it all like this.
    bool is_due_at_the_end(std::size_t before, const progress& now) const {
        if (now.done + 1 == now.total) return false;
        const std::size_t step = now.total / static_cast<std::size_t>(how_.verbose) + 1;
        // joblib counts down, to below zero: whether it comes by a multiple of the step for any task since.
        const std::size_t target = (now.total + 1) % step;
        const auto position = [&](std::size_t done) { return done + how_.window; };
        const auto multiples_up_to = [&](std::size_t at) { return (at + step - target) / step; };
        return multiples_up_to(position(before)) != multiples_up_to(position(now.done));
    }

    /// As many digits as the length of the input has.
    int width(const progress& now) const {
        if (!how_.has_length) return 3;
        int digits = 1;
        for (std::size_t rest = now.total / 10; rest > 0; rest /= 10) ++digits;
        return digits;
    }

    const way how_;
    std::size_t done_ = 0;
};

}  // namespace fanout::detail
