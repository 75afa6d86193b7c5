// Workers that a scheduler runs as a job: submitted from outside, cancelled at the end.
#pragma once

#include <cstddef>
#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "fanout/core/clock.hpp"
#include "fanout/core/concat.hpp"
#include "fanout/core/errors.hpp"
#include "fanout/launch/batch_system.hpp"
#include "fanout/launch/command.hpp"
#include "fanout/launch/job_folder.hpp"
#include "fanout/launch/last_will.hpp"
#include "fanout/launch/launcher.hpp"
#include "fanout/launch/local.hpp"
#include "fanout/launch/shell_words.hpp"

namespace fanout {

namespace detail {

/// What a user says to any scheduler; each has its own words for it.
struct batch_wishes {
    std::string partition, account, time, memory, constraint;
    std::vector<std::string> arguments;
    std::string folder;
    std::string program;
};

/// What the scheduler runs. A worker that dies is started again where it was, at most a few times; the scheduler's
/// wish that it leave is passed on.
inline std::string worker_script(const worker_order& order, const std::string& program, const std::string& folder) {
    const std::string how = order.key.empty() ? std::string("--plain") : concat({"--key-file '", folder, "/key'"});
    return concat(
        {"#!/bin/sh\n"
         "# A worker of fanout. Ends with 0 when it has nothing more to do.\n"
         "export FANOUT_WORKER=1 FANOUT_MAX_CPUS=",
         std::to_string(order.slots),
         "\n"
         "leaving=0\n"
         "trap 'leaving=1; kill -TERM $worker 2>/dev/null' TERM USR1 USR2 XCPU\n"
         "trap 'leaving=1; kill -HUP $worker 2>/dev/null' HUP\n"
         "for attempt in 1 2 3 4 5 6 7 8 9 10; do\n"
         "    if [ $leaving = 1 ]; then exit 0; fi\n"
         "    ",
         shell_quoted(program), " ", as_typed(worker_words(order, order.slots)), " ", how,
         " &\n"
         "    worker=$!\n"
         "    if [ $leaving = 1 ]; then kill -TERM $worker; fi\n"
         "    wait $worker; status=$?\n"
         "    while [ $status -gt 128 ] && kill -0 $worker 2>/dev/null; do wait $worker; status=$?; done\n"
         "    if [ $leaving = 1 ]; then exit 0; fi\n"
         "    case $status in 0|75|77|78|126|127|143) exit $status;; esac\n"
         "    sleep 1\n"
         "done\n"
         "exit $status\n"});
}

class batch_workers final : public launched_workers {
public:
    batch_workers(const worker_order& order, const batch_system& system, const batch_wishes& wishes)
        : system_(system), folder_(wishes.folder) {
        const std::string program = wishes.program.empty() ? own_path() : wishes.program;
        if (program.find('\'') != program.npos || folder_.path().find_first_of("'%\\\n") != folder_.path().npos)
            throw std::invalid_argument(
                concat({"fanout: ", system.name,
                        ": a quote in a path, or one of %, \\ and line breaks in that of a folder, is more than a "
                        "scheduler can bear: ",
                        program, ", ", folder_.path(), "; give others as .program and .folder"}));
        values_ = {{"script", folder_.path() + "/worker"},
                   {"folder", folder_.path()},
                   {"workers", std::to_string(order.workers)},
                   {"last", std::to_string(order.workers - 1)},
                   {"slots", std::to_string(order.slots)},
                   {"partition", wishes.partition},
                   {"account", wishes.account},
                   {"time", wishes.time},
                   {"memory", wishes.memory},
                   {"constraint", wishes.constraint}};
        if (!order.key.empty()) folder_.write("key", order.key + "\n", 0600);
        folder_.write("worker", worker_script(order, program, folder_.path()), 0700);
        if (system.description) folder_.write("description", filled_in_lines(system.description, values_), 0600);

        const std::vector<std::string> words = filled_in(system.submit, values_, wishes.arguments);
        submitted_ = as_typed(words);
        const answer said = ask(words, std::chrono::seconds(60));
        if (!said.good)
            throw pool_broken(concat({"fanout: ", system.name, " did not take the job of the workers: ", said.why,
                                      said.timed_out ? "; it may do so yet: then cancel the job named fanout" : ""}));
        id_ = id_in(said.output, system);
        if (id_.empty())
            throw pool_broken(concat({"fanout: ", system.name, " was asked with `", submitted_,
                                      "`, and what it answered has no job's id in it: ", said.output}));
        values_.emplace_back("id", id_);
        canceller_ = std::make_unique<last_will>(filled_in(system_.cancel, values_));
    }
    ~batch_workers() override {
        // Those that run have been told to end. This is for those that still wait, and for who has not heard.
        const answer said = ask(filled_in(system_.cancel, values_));
        if (!said.good && !is_gone(said))
            std::fprintf(stderr, "fanout: %s: the workers' job may still be there: %s\n", system_.name,
                         said.why.c_str());
    }

    std::string keep_up() override {
        // The scheduler replaces what is lost; here it is only noticed that all is lost.
        if (!trouble_.empty()) return trouble_;
        const auto now = clock::now();
        if (looking_ && (looking_->has_ended() || now - looked_at_ > std::chrono::seconds(30))) {
            const answer said = looking_->wait(std::chrono::milliseconds(0));
            looking_.reset();
            if (said.good && !said.output.empty()) state_ = said.output;
            if (is_gone(said) || (said.good && !is_alive(said.output)))
                trouble_ = concat({"the workers' job ", id_, " of ", system_.name, " has ended", of_log(),
                                   "; it was submitted by `", submitted_, "`"});
        }
        if (!looking_ && now - looked_at_ >= std::chrono::seconds(3)) {
            looking_.emplace(filled_in(system_.look, values_));
            looked_at_ = now;
        }
        return trouble_;
    }

    std::string last_words() const override {
        return concat({"the workers are job ", id_, " of ", system_.name, ", submitted by `", submitted_, "`",
                       state_.empty() ? "" : "; it says of them: ", state_, of_log(),
                       "; if they only wait for their turn, give tcp a longer .patience"});
    }

private:
    bool is_gone(const answer& said) const { return !said.good && has_any_of(said.why, system_.gone); }
    bool is_alive(const std::string& said) const {
        return system_.alive.empty() ? !said.empty() : has_any_of(said, system_.alive);
    }

    std::string of_log() const {
        const std::string log = folder_.last_log();
        return log.empty() ? std::string() : concat({"; the last log says: ", log, hint_at_address(log)});
    }

    const batch_system& system_;
    const job_folder folder_;
    batch_values values_;
    std::string submitted_;
    std::string id_;
    std::optional<command> looking_;
    clock::time_point looked_at_{};
    std::string state_;
    std::string trouble_;
    std::unique_ptr<const last_will> canceller_;
};

class batch_launcher final : public launcher_base {
public:
    batch_launcher(const batch_system& system, batch_wishes wishes) : system_(system), wishes_(std::move(wishes)) {}

    std::unique_ptr<launched_workers> launch(const worker_order& order) const override {
        return std::make_unique<batch_workers>(order, system_, wishes_);
    }
    std::optional<int> cpus() const override {
        throw std::invalid_argument(concat({"fanout: n_jobs = -1 counts CPUs, and ", system_.name,
                                            " has given us none yet; say how many tasks are to run at once"}));
    }

private:
    const batch_system& system_;
    const batch_wishes wishes_;
};

}  // namespace detail

/// Workers that are submitted to a scheduler as one job with many parts, which is cancelled at the end. They join when
/// they get their turn; until the first has, `tcp::patience` counts. The program's file and `folder` have to be where
/// the machines can see them. What is not set is left to the scheduler.
///
///     parallel(50, tcp{.workers = pbs{.partition = "short", .time = "01:00:00"}, .patience = 1h})
template <const detail::batch_system& (*Row)()>
struct batch {
    std::string partition = {};  ///< or queue
    std::string account = {};    ///< or project
    std::string time = {};       ///< as the scheduler writes it, of each worker
    std::string memory = {};     ///< as the scheduler writes it, of each worker
    std::string constraint = {};

    /// Any further ones of the submitting command.
    std::vector<std::string> arguments = {};

    /// Where a folder is made for the key, which only its owner can read, and for the workers' logs; it goes away with
    /// the workers. Not set: the current folder.
    std::string folder = {};

    /// This program as the machines know it. Not set: where it is here.
    std::string program = {};

    std::shared_ptr<const detail::launcher_base> make_launcher() const {
        return std::make_shared<const detail::batch_launcher>(
            Row(), detail::batch_wishes{partition, account, time, memory, constraint, arguments, folder, program});
    }
};

using pbs = batch<detail::pbs_row>;
using lsf = batch<detail::lsf_row>;
using sge = batch<detail::sge_row>;
using htcondor = batch<detail::htcondor_row>;

}  // namespace fanout
