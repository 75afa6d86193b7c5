// The parent of the workers: forks them, takes in what they hand over, notices when they die, and makes it good.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

#include "fanout/core/backend.hpp"
#include "fanout/core/clock.hpp"
#include "fanout/core/concat.hpp"
#include "fanout/core/deferred.hpp"
#include "fanout/core/errors.hpp"
#include "fanout/core/exchanged.hpp"
#include "fanout/core/owned.hpp"
#include "fanout/core/portable_tasks.hpp"
#include "fanout/core/run_observer.hpp"
#include "fanout/processes/autopsy.hpp"
#include "fanout/processes/crew.hpp"
#include "fanout/processes/fed_input.hpp"
#include "fanout/processes/forking.hpp"
#include "fanout/processes/journal.hpp"
#include "fanout/processes/seat.hpp"
#include "fanout/processes/settings.hpp"
#include "fanout/processes/shared_state.hpp"
#include "fanout/processes/supply_of.hpp"
#include "fanout/processes/task_table.hpp"
#include "fanout/processes/verdicts.hpp"

namespace fanout::detail {

/// One per call, in the calling thread. Wherever it waits it watches the time, buries the dead and reads what has been
/// finished; but in the middle of a message, which the user's code reads, it waits for the rest and for nothing else:
/// that code may hold a lock, which must neither be wanted by the reading of another message nor be forked.
template <class Job>
class supervisor final : patient {
public:
    supervisor(Job& work, portable_tasks& tasks, const process_settings& settings)
        : work_(work),
          tasks_(tasks),
          settings_(settings),
          crew_(tasks, settings, measures_for(work, tasks, settings), work.has_time_limit(), *this),
          table_(crew_.shared(), tasks),
          journal_(work.observer(), tasks, crew_),
          memory_kills_(out_of_memory_kills()) {
        work_.when_stopping([](void* me) { static_cast<supervisor*>(me)->crew_.parent_bell().ring(); }, this);
    }
    ~supervisor() { work_.when_stopping(nullptr, nullptr); }

    void run() {
        if (work_.size()) {
            while (work_.claim(*work_.size())) {
            }
        }
        if (work_.stopping()) return;
        prepare_to_fork();
        crew_.hire_all();
        if (is_fed()) {
            supply_ = owned<supply_of<Job>>(new supply_of<Job>(work_, tasks_, crew_, 2 * settings_.workers));
            input_ = owned<fed_input>(new fed_input(supply_->tasks(), tasks_, crew_));
        }
        try {
            while (!work_.stopping() && !broken_ && anybody_left()) {
                hand_out();
                const bool news = read_all_mail();
                sleep(news && !is_fed());  // what is fed waits for its results to come back
            }
        } catch (...) {
            give_up(std::current_exception());
        }
        end();
    }

private:
    bool is_fed() const noexcept { return !work_.size(); }

    bool hand_out() { return input_ && input_->hand_out(); }

    /// Hires where somebody is missing. While that cannot be done the others may do the work; but not for ever.
    bool anybody_left() {
        if (crew_.fill_vacant_seats()) {
            lonely_since_ = {};
            return true;
        }
        for (seat& each : crew_.seats()) each.vacant = each.vacant && is_needed(each);  // others may have done its work
        if (is_fed() ? input_->is_done() : !crew_.any_vacant()) return false;
        const auto now = clock::now();
        if (lonely_since_.time_since_epoch().count() == 0) lonely_since_ = now;
        if (now - lonely_since_ > settings_.start_patience)
            break_pool(
                "fanout: processes has lost its workers and could not fork others; raise the limits of processes "
                "(ulimit -u, pids.max) or of memory, or use a smaller n_jobs");
        return true;
    }

    // --- what workers hand over ------------------------------------------------------------------------------------

    /// True if there was any.
    bool read_all_mail() {
        bool news = false;
        for (seat& each : crew_.seats())
            if (each.process && !each.ended) news = read_mail(each, true) || news;
        return news;
    }

    /// What is there now, and not what comes meanwhile: others wait too. `may_wait`: also messages of which only a part
    /// has come.
    bool read_mail(seat& from, bool may_wait) {
        // What is left of a message whose reading broke off is no message.
        if (from.mail.failed() == mailbox::failure_kind::writer_gone) return false;
        bool news = false;
        const std::uint64_t end = from.mail.position() + from.mail.unread();
        from.seen = 0;
        while (from.mail.position() < end && from.killed_for != verdict::scribbled && !broken_) {
            const std::uint64_t unread = from.mail.unread();
            piece first;
            const auto found = from.mail.look(first);
            if (found == mailbox::waiting::nonsense || !is_plausible(from, first)) {
                condemn(from, verdict::scribbled);
                break;
            }
            if (found == mailbox::waiting::part && !(may_wait && from.mail.more_than_half_full())) {
                from.seen = unread;
                break;
            }
            deliver(from, first, found);
            news = true;
        }
        return news;
    }

    bool is_plausible(const seat& from, const piece& first) const noexcept {
        if (first.kind == message::abandoned || is_of_initializer(first)) return true;
        if (first.kind == message::elements) return false;
        if (is_fed()) return from.sent.current() && from.sent.current()->index == first.index;
        return table_.may_come_from(first.index, from.worker, from.expected);
    }

    static bool is_of_initializer(const piece& first) noexcept {
        return first.kind == message::initializer_failed || first.kind == message::initializer_text;
    }

    void deliver(seat& from, const piece& first, mailbox::waiting found) {
        bool stored = false;
        std::exception_ptr thrown;
        try {
            from.mail.open(found);
            switch (first.kind) {
                case message::result:
                    tasks_.store_written(first.index, from.mail);
                    break;
                case message::exception:
                    tasks_.store_exception(with_memory_limit(known_of(from, first.index), settings_.memory_limit),
                                           from.mail);
                    break;
                case message::text:
                    tasks_.store_failure(failure_in_text(from, first.index));
                    break;
                case message::initializer_failed:
                    tasks_.rethrow(from.mail);
                    break;
                case message::initializer_text:
                    throw_of_initializer(failure_in_text(from, 0));
                    break;
                default:
                    break;
            }
            stored = first.kind != message::abandoned;
        } catch (...) {
            thrown = std::current_exception();
        }
        if (is_of_initializer(first)) return give_up(thrown);
        if (!pass_over_rest(from)) return;
        if (stored) return done(from, first.index, first.kind != message::result);
        if (first.kind == message::abandoned) return;
        // The bytes are as they were written, so another attempt would end in the same way.
        tasks_.store_failure(described_failure(known_of(from, first.index), thrown));
        done(from, first.index, true);
    }

    /// False if the message was none after all.
    bool pass_over_rest(seat& from) {
        using failure_kind = mailbox::failure_kind;
        try {
            if (from.mail.failed() == failure_kind::none || from.mail.failed() == failure_kind::too_short)
                from.mail.skip_rest();
        } catch (...) {  // it was taken back, or its writer is gone
        }
        if (from.mail.failed() == failure_kind::nonsense) condemn(from, verdict::scribbled);
        return from.mail.failed() == failure_kind::none || from.mail.failed() == failure_kind::too_short;
    }

    /// An exception that could not be written.
    failure failure_in_text(seat& from, std::size_t index) {
        std::string text(from.mail.left() < 65536 ? from.mail.left() : 0, '\0');
        from.mail.read(text.data(), text.size());
        failure why = known_of(from, index);
        const std::size_t zero = text.find('\0');
        why.type = text.substr(0, zero);
        why.what = zero == text.npos ? std::string() : text.substr(zero + 1);
        why.exception = std::make_exception_ptr(std::runtime_error(concat({why.type, ": ", why.what})));
        return why;
    }

    failure known_of(const seat& at, std::size_t index) const {
        const int before = index == at.suspect ? at.deaths : 0;
        return {.index = tasks_.index_of(index),
                .attempts = attempts_elsewhere(work_, index) + before + 1,
                .worker = at.worker,
                .pid = at.process.pid(),
                .backend = settings_.backend};
    }

    void done(seat& by, std::size_t index, bool failed) {
        barren_deaths_ = 0;
        if (index == by.suspect) {  // in a later call of tcp another task may have its number
            by.suspect = no_task;
            by.deaths = 0;
        }
        if (failed) journal_.note_exception();
        if (is_fed()) {
            journal_.note_come(by, index);
            by.sent.finish_current();
        } else {
            by.expected = index + 1;
            if (failed) table_.note_failed(index);
            table_.note_written(index);
        }
    }

    // --- deaths ----------------------------------------------------------------------------------------------------

    void condemn(seat& whom, verdict why) noexcept {
        if (whom.killed_for == verdict::none) whom.killed_for = why;
        whom.process.kill();
    }

    /// Takes what the dead worker has finished, finds out what it has not, and sends somebody else to do it.
    void bury(seat& at) {
        read_mail(at, false);
        const long pid = at.process.pid();
        const exit_report report = at.process.reap();
        const slot& its = crew_.slot_of(at);
        const auto reached = its.reached.load(std::memory_order_acquire);
        const std::uint64_t progress = its.progress.load(std::memory_order_acquire);
        if (its.tasks.load(std::memory_order_relaxed) > 0) barren_deaths_ = 0;
        const last_words last = its.last;

        const std::size_t at_work = unfinished_of(at, progress);
        const bool left_by_itself = reached >= phase::finished && at.killed_for == verdict::none;
        if (at_work != no_task)
            blame(at, at_work, pid, report, last);
        else if (!left_by_itself && at.killed_for != verdict::overdue)
            count_barren_death(at, report, last);

        journal_.note_end_of(at);
        crew_.clear(at);
        at.vacant = !broken_ && !work_.stopping() && is_needed(at);
    }

    bool is_needed(const seat& at) {
        if (is_fed()) return input_->needs(at);
        return at.rest || table_.any_free();
    }

    /// Sets what is left of the chunk that it had; gives the task that it was at, if any.
    std::size_t unfinished_of(seat& at, std::uint64_t progress) {
        const bool running = progress % 2 == 1;
        const auto task = static_cast<std::size_t>(progress / 2);  // that is running, or that would be next
        if (is_fed()) {
            const fed_task* const current = at.sent.current();
            return running && current && current->index == task ? task : no_task;
        }
        at.rest = table_.unfinished_of(at.worker, at.expected, task);
        return running && at.rest && at.rest.first == task ? task : no_task;
    }

    void blame(seat& at, std::size_t task, long pid, const exit_report& report, const last_words& last) {
        if (at.killed_for == verdict::overdue && at.overdue != task) return;  // killed for one that was done by then
        if (task != at.suspect) at.deaths = 0;
        at.suspect = task;
        failure known = known_of(at, task);
        known.pid = pid;
        known.signal = report.signal();
        known.peak_memory = report.peak_memory;
        ++at.deaths;
        journal_.note_lost(at, task, pid, at.deaths);
        if (at.killed_for == verdict::overdue && at.overdue == task) {
            tasks_.store_failure(overdue_failure(std::move(known), work_.time_limit(), threads_in_the_way() > 0,
                                                 tasks_.collects_failures()));
        } else if (attempts_elsewhere(work_, task) + at.deaths > settings_.retries) {
            verdict_on_death found = verdict_on(report, last, memory_ran_out(report));
            if (at.killed_for == verdict::scribbled) found.cause = "it has overwritten memory that is not its own";
            tasks_.store_failure(lost_failure(std::move(known), settings_.retries + 1, found.did, found.cause,
                                              found.way_out, tasks_.collects_failures()));
        } else {
            journal_.note_retry();
            return;  // once more, as the first task of a fresh worker
        }
        at.deaths = 0;
        at.suspect = no_task;
        barren_deaths_ = 0;
        if (is_fed()) return at.sent.finish_current();
        table_.note_failed(task);
        ++at.rest.first;
        if (!at.rest) table_.finish_chunk_of(task);
    }

    void count_barren_death(const seat& at, const exit_report& report, const last_words& last) {
        if (++barren_deaths_ <= settings_.most_barren_deaths.value_or(2 * settings_.workers + 8)) return;
        const std::string cause =
            at.killed_for == verdict::never_started
                ? "it did not start, perhaps because another thread held a lock when it was forked"
                : cause_of_death(report, last, memory_ran_out(report));
        break_pool(concat({"fanout: ", std::to_string(barren_deaths_),
                           " workers in a row died without having been at a task; the last one: ", cause,
                           "; look at the initializer, at the limits of the system, and at who else kills processes"}));
    }

    bool memory_ran_out(const exit_report& report) {
        if (report.signal() != SIGKILL) return false;
        const std::uint64_t kills = out_of_memory_kills();
        return exchanged(memory_kills_, kills) < kills;
    }

    // --- waiting ---------------------------------------------------------------------------------------------------

    /// Until something happens. `linger`: results are coming in, so nobody need say so; they gather for a moment.
    void sleep(bool linger) {
        if (bury_the_dead()) return;
        if (linger) {
            const clock::duration longest = longest_nap();
            crew_.sleep(longest < settings_.linger ? longest : settings_.linger);
        } else {
            sleep_until([this] { return has_unread_mail() || hand_out(); });
        }
        bury_the_dead();
    }

    /// Or for less. Whoever has something to say rings.
    template <class Condition>
    void sleep_until(const Condition& condition) {
        std::atomic<std::uint32_t>& sleeps = crew_.shared().header().parent_sleeps;
        const clock::duration longest = longest_nap();
        sleeps.store(1, std::memory_order_seq_cst);  // see call_parent
        crew_.sleep(condition() ? clock::duration::zero() : longest);
        sleeps.store(0, std::memory_order_relaxed);
    }

    clock::duration longest_nap() {
        const clock::duration until_told = journal_.tell();
        const clock::duration until_due = watch_the_time();
        return until_due < until_told ? until_due : until_told;
    }

    bool has_unread_mail() const noexcept {
        for (const seat& each : crew_.seats()) {
            if (!each.process || each.ended) continue;
            // Or the beginning of a long message, which had to wait until another was read to its end.
            if (each.mail.unread() != each.seen || each.mail.more_than_half_full()) return true;
        }
        return work_.stopping();
    }

    bool bury_the_dead() {
        bool any = false;
        for (seat& each : crew_.seats()) {
            if (!each.ended) continue;
            bury(each);
            any = true;
        }
        return any;
    }

    /// Kills who has had his time. Gives how long nobody need be looked at for that reason.
    clock::duration watch_the_time() {
        clock::duration longest = crew_.any_vacant() ? microseconds(10'000) : seconds(3600);
        const auto now = clock::now();
        const auto limit = work_.time_limit();
        for (seat& each : crew_.seats()) {
            if (!each.process || each.ended || each.killed_for != verdict::none) continue;
            const slot& its = crew_.slot_of(each);
            // A task that begins from now on, of which nobody is told, is not due before its whole time is over.
            clock::duration left = work_.has_time_limit() && limit < longest ? limit : longest;
            if (its.reached.load(std::memory_order_acquire) == phase::started) {
                const auto patience = each.hired + settings_.start_patience - now;
                if (patience.count() <= 0) condemn(each, verdict::never_started);
                if (patience < left) left = patience;
            } else if (work_.has_time_limit()) {
                const std::uint64_t progress = its.progress.load(std::memory_order_acquire);
                const bool stalled = its.stalled.load(std::memory_order_acquire) != 0;
                const clock::time_point began{clock::duration(its.began.load(std::memory_order_relaxed))};
                const bool steady = its.progress.load(std::memory_order_acquire) == progress;
                if (steady && progress % 2 == 1 && !stalled) {
                    left = began + limit - now;
                    each.overdue = static_cast<std::size_t>(progress / 2);
                    if (left.count() <= 0) condemn(each, verdict::overdue);
                }
            }
            if (left < longest) longest = left;
        }
        return longest.count() > 0 ? longest : clock::duration::zero();
    }

    bool wait_for_bytes_of(seat& from) override {
        if (moved_soon([&] { return from.mail.unread() > 0; })) return true;
        while (from.mail.unread() == 0) {
            if (from.ended || broken_ || work_.stopping()) return false;
            sleep_until([&] { return from.mail.unread() > 0 || work_.stopping(); });
        }
        return true;
    }

    void has_read_from(seat& from) override {
        if (!from.mail.more_than_half_full()) wake_worker(crew_.slot_of(from).outbox);
    }

    // --- the end ---------------------------------------------------------------------------------------------------

    void give_up(std::exception_ptr why) noexcept {
        if (!broken_) broken_ = std::move(why);
    }

    void break_pool(const std::string& why) { give_up(std::make_exception_ptr(pool_broken(why))); }

    /// Kills who is still there, keeps what they had finished, and waits until nobody is left.
    void end() {
        for (const seat& each : crew_.seats()) each.process.kill();
        for (seat& each : crew_.seats()) {
            if (each.process && !broken_) read_mail(each, false);
            each.process.reap();
        }
        if (broken_ && input_ && !brings_its_tasks<Job>) input_->give_back(broken_);
        supply_ = {};  // which waits until the user's input has come back
        journal_.close();
        if (!broken_ && !is_fed() && !work_.stopping() && !table_.all_done())
            break_pool(
                "fanout: processes has lost count of its tasks: one of them has overwritten memory that workers share "
                "with this program; look for it with -fsanitize=address");
        if (broken_) std::rethrow_exception(broken_);
        table_.store_flat_results();
    }

    Job& work_;
    portable_tasks& tasks_;
    const process_settings& settings_;
    crew crew_;
    task_table<deferred<portable_tasks, Job>> table_;
    journal<run_observer> journal_;
    owned<supply_of<Job>> supply_;
    owned<fed_input> input_;
    int barren_deaths_ = 0;  // in a row, with nothing done
    std::uint64_t memory_kills_;
    clock::time_point lonely_since_{};
    std::exception_ptr broken_;  // why the call cannot go on
};

}  // namespace fanout::detail
