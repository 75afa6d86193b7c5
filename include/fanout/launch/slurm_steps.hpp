// Workers as steps of the Slurm job that this program runs in.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "fanout/core/clock.hpp"
#include "fanout/core/concat.hpp"
#include "fanout/core/errors.hpp"
#include "fanout/launch/batch_system.hpp"
#include "fanout/launch/child_program.hpp"
#include "fanout/launch/command.hpp"
#include "fanout/launch/exit_codes.hpp"
#include "fanout/launch/launcher.hpp"
#include "fanout/launch/output_file.hpp"
#include "fanout/launch/shell_words.hpp"
#include "fanout/launch/slurm_allocation.hpp"

namespace fanout::detail {

/// How the steps are started.
struct slurm_step_settings {
    std::string program;                 // the path of this program, as the nodes know it
    std::vector<std::string> arguments;  // further ones of srun
    bool ship_program = false;
    int grace = 25;  // seconds that a worker gives to what it runs when the job ends
};

/// One srun for each worker. A worker that ends is replaced, on its node, or on another one if that is gone. Slurm and
/// its srun speak to our standard error, and their last words are kept.
class slurm_steps final : public launched_workers {
public:
    slurm_steps(const worker_order& order, slurm_allocation in, slurm_step_settings how)
        : order_(order), allocation_(std::move(in)), how_(std::move(how)) {
        const auto given = order.slots_are_given ? std::optional<int>(order.slots) : std::nullopt;
        const std::vector<slurm_place> places =
            places_on(allocation_, std::int64_t{order.slots} * order.workers, given);
        unbound_ = places.size() > allocation_.nodes.size() || std::getenv("SLURM_CPU_BIND");
        take_in(ask(question(), std::chrono::seconds(10)));
        for (const slurm_place& each : places) {
            steps_.emplace_back(each);
            if (const int error = begin(steps_.back()); error != 0) {
                steps_.pop_back();  // which never ran
                throw pool_broken(concat({"fanout: slurm could not start `", as_typed(command_of(each)),
                                          "`: ", std::generic_category().message(error),
                                          error == ENOENT ? " (srun is not in PATH)" : ""}));
            }
        }
    }
    ~slurm_steps() override {
        // At the end of its input a worker ends by itself, should it not have been told. srun ends a step when told to.
        for (step& each : steps_) each.program.close_input();
        if (!all_end_within(std::chrono::seconds(3))) {
            for (step& each : steps_) each.program.ask_to_leave();
            all_end_within(std::chrono::seconds(3));
        }
        for (step& each : steps_) each.said.pass_on();
        if (how_.ship_program) remove_shipped();
    }

    std::string keep_up() override {
        for (step& each : steps_) {
            each.said.pass_on();
            if (each.is_over || !each.program.has_ended()) continue;
            each.is_over = true;
            each.put_off();
            const int status = each.program.status();
            last_end_ = concat({"the one on ", node_of(each), ": ", end_of(status)});
            if (!each.said.tail().empty())
                last_end_ += concat({", srun said: ", each.said.tail(), hint_at_address(each.said.tail())});
            if (WIFEXITED(status) && exit_codes::is_hopeless(WEXITSTATUS(status))) return last_words();
        }
        // Nodes may be gone, or all of the job.
        const auto now = clock::now();
        if (asked_ && (asked_->has_ended() || now - asked_at_ > std::chrono::seconds(30))) take_in_and_replace();
        if (!asked_ && any_to_begin(now) && now - asked_at_ >= std::chrono::milliseconds(100)) {
            asked_.emplace(question());
            asked_at_ = now;
        }
        return trouble_;
    }

    void note_success() override { restarts_ = 0; }

    std::string last_words() const override {
        return concat({"the workers are steps of Slurm's job ", allocation_.job,
                       last_end_.empty() ? "" : "; the last one that ended: ", last_end_, "; each is started by: ",
                       steps_.empty() ? std::string("srun") : as_typed(command_of(steps_.front().at)),
                       " (and then the key as a line of input)"});
    }

private:
    struct step {
        explicit step(const slurm_place& where) : at(where) {}

        slurm_place at;
        child_program program;
        output_file said;
        bool is_over = false;
        clock::time_point begun{};
        clock::time_point again_at{};
        int ended_soon = 0;  // how often, one after the other

        /// What keeps ending is started again ever more slowly.
        void put_off() {
            const auto now = clock::now();
            ended_soon = now - begun > std::chrono::seconds(30) ? 0 : ended_soon + 1;
            again_at = now + std::chrono::milliseconds(100) * (1 << (ended_soon < 9 ? ended_soon : 9));
        }
    };

    static std::size_t most_restarts(std::size_t workers) { return 2 * workers + 8; }

    const std::string& node_of(const step& which) const { return allocation_.nodes[which.at.node].name; }

    /// One file for each start: what still runs from the one before cannot be written over.
    std::string shipped(std::size_t which) const {
        return concat({"/tmp/fanout-", allocation_.job, "-", std::to_string(getpid()), "-", std::to_string(which)});
    }

    void remove_shipped() const {
        std::set<std::string> nodes;
        for (const step& each : steps_) nodes.insert(node_of(each));
        std::vector<command> removals;
        for (const std::string& node : nodes) {
            std::vector<std::string> words = {"srun",       "--overlap", "--no-kill", "--nodes=1", "--ntasks=1",
                                              "--nodelist", node,        "rm",        "-f"};
            for (std::size_t i = 0; i < shipments_; ++i) words.push_back(shipped(i));
            removals.emplace_back(std::move(words));
        }
        const auto until = clock::now() + std::chrono::seconds(5);
        for (command& each : removals) {
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - clock::now());
            each.wait(left.count() > 0 ? left : std::chrono::milliseconds(0));
        }
    }

    std::vector<std::string> command_of(const slurm_place& at, std::size_t which = 0) const {
        // --overlap: a replacement does not wait for what is left of the step before, and a program that is itself a
        // step does not wait for ever. Such steps are all given the same cores if they ask for less than the node has
        // of the job; so they ask for no --exact, and are bound to nothing.
        std::vector<std::string> words = {"srun",
                                          "--overlap",
                                          "--no-kill",
                                          "-K0",
                                          "--nodes=1",
                                          "--ntasks=1",
                                          concat({"--cpus-per-task=", std::to_string(at.slots)}),
                                          concat({"--nodelist=", allocation_.nodes[at.node].name}),
                                          concat({"--export=ALL,FANOUT_MAX_CPUS=", std::to_string(at.slots)}),
                                          "--job-name=fanout"};
        if (unbound_) words.push_back("--cpu-bind=none");
        if (how_.ship_program) words.push_back(concat({"--bcast=", shipped(which)}));
        words.insert(words.end(), how_.arguments.begin(), how_.arguments.end());
        words.push_back(how_.program);
        const std::vector<std::string> told = worker_words(order_, at.slots);
        words.insert(words.end(), told.begin(), told.end());
        words.insert(words.end(), {"--grace", std::to_string(how_.grace)});
        if (ends_at_) {
            const auto left = std::chrono::duration_cast<std::chrono::seconds>(*ends_at_ - clock::now()).count();
            words.insert(words.end(), {"--lifetime", std::to_string(left > 1 ? left : 1)});
        }
        words.insert(words.end(), {"--exit-on-stdin-eof"});
        if (order_.key.empty())
            words.push_back("--plain");
        else
            words.insert(words.end(), {"--key-fd", "0"});
        return words;
    }

    int begin(step& which) {
        which.is_over = false;
        which.begun = clock::now();
        return which.program.start(command_of(which.at, shipments_++), "FANOUT_WORKER=1",
                                   order_.key.empty() ? "\n" : order_.key + "\n", {-1, which.said.number()});
    }

    bool all_end_within(std::chrono::seconds time) {
        const auto until = clock::now() + time;
        bool all = true;
        for (step& each : steps_) {
            all = each.program.wait_until(until) && all;
        }
        return all;
    }

    bool any_to_begin(clock::time_point now) const {
        for (const step& each : steps_)
            if (each.is_over && now >= each.again_at) return true;
        return false;
    }

    // --- what Slurm knows of the job -------------------------------------------------------------------------------

    std::vector<std::string> question() const {
        return {"squeue", "--noheader", concat({"--jobs=", allocation_.job}), slurm_states_of_life,
                "--format=%A|%T|%L|%N"};
    }

    /// What stands behind the job in its line: asked for one part of an array job, Slurm may tell of others as well.
    static std::string line_of(const std::string& job, const std::string& output) {
        for (std::size_t at = 0; at < output.size();) {
            std::size_t end = output.find('\n', at);
            if (end == output.npos) end = output.size();
            if (output.compare(at, job.size() + 1, job + "|") == 0)
                return output.substr(at + job.size() + 1, end - at - job.size() - 1);
            at = end + 1;
        }
        return {};
    }

    /// Its time, and the nodes that it still has: Slurm's variables name those that it began with.
    void take_in(const answer& from) {
        const std::string ours = line_of(allocation_.job, from.output);
        const std::size_t first = ours.find('|'), second = ours.find('|', first + 1);
        if (!from.good || first == ours.npos || second == ours.npos) {
            // squeue may be busy, or forbidden here; that the job is gone it says in so many words.
            const bool gone = from.good ? ours.empty() : from.why.find("Invalid job id") != from.why.npos;
            if (gone)
                trouble_ = concat({"job ", allocation_.job, " has ended, and all of its workers with it; ",
                                   from.good ? concat({"`", as_typed(question()), "` knows it no more"}) : from.why,
                                   last_end_.empty() ? "" : "; the last worker that ended: ", last_end_});
            return;
        }
        state_ = ours.substr(0, first);
        if (state_ != "RUNNING" && state_ != "CONFIGURING" && state_ != "SUSPENDED")
            trouble_ = concat({"job ", allocation_.job, " has ended, it is ", state_,
                               last_end_.find("ode failure") == last_end_.npos
                                   ? "; "
                                   : "; ask salloc or sbatch for --no-kill, and it goes on when a node is lost; ",
                               last_words()});
        if (const auto left = seconds_of(ours.substr(first + 1, second - first - 1)))
            ends_at_ = clock::now() + std::chrono::seconds(*left > how_.grace ? *left - how_.grace : 0);
        try {
            const auto there = expanded_hosts(ours.substr(second + 1));
            there_ = std::set<std::string>(there.begin(), there.end());
        } catch (const std::invalid_argument&) {  // then srun will tell which nodes are gone
        }
    }

    void take_in_and_replace() {
        take_in(asked_->wait(std::chrono::milliseconds(0)));
        asked_.reset();
        const auto now = clock::now();
        if (!trouble_.empty()) return;
        if (ends_at_ && clock::now() >= *ends_at_) {
            trouble_ = concat({"the time of job ", allocation_.job,
                               " is up, and its workers have left; ask salloc or sbatch for a longer --time"});
            return;
        }
        bool any_hope = false;
        for (step& each : steps_) {
            if (!each.is_over || now < each.again_at) {
                any_hope = true;
                continue;
            }
            if (!is_there(each.at.node) && !move(each)) {
                each.again_at = now + std::chrono::seconds(2);
                continue;
            }
            if (++restarts_ > most_restarts(steps_.size())) {
                trouble_ = last_words();
                return;
            }
            any_hope = true;
            if (const int error = begin(each); error != 0) {
                each.is_over = true;
                each.put_off();
                last_end_ = concat({"srun could not be started: ", std::generic_category().message(error)});
            }
        }
        if (!any_hope)
            trouble_ = concat(
                {"job ", allocation_.job, " (", state_, ") has lost all nodes that had workers; ", last_words()});
    }

    bool is_there(std::size_t node) const { return there_.empty() || there_.count(allocation_.nodes[node].name) > 0; }

    /// To a node that is still there and has room for it. False: there is none now.
    bool move(step& which) {
        for (std::size_t node = 0; node < allocation_.nodes.size(); ++node) {
            if (!is_there(node)) continue;
            int room = allocation_.nodes[node].cpus;
            for (const step& each : steps_)
                if (&each != &which && each.at.node == node) room -= each.at.slots;
            if (room < which.at.slots) continue;
            which.at.node = node;
            unbound_ = true;
            return true;
        }
        return false;
    }

    const worker_order order_;
    const slurm_allocation allocation_;
    const slurm_step_settings how_;
    bool unbound_ = false;  // steps share a node, or would inherit what this program is bound to as a step itself
    std::vector<step> steps_;
    std::optional<clock::time_point> ends_at_;  // when workers are to begin to leave
    std::set<std::string> there_;               // nodes; empty: not known
    std::string state_;
    std::optional<command> asked_;
    clock::time_point asked_at_{};
    std::size_t restarts_ = 0;
    std::size_t shipments_ = 0;
    std::string last_end_;
    std::string trouble_;
};

}  // namespace fanout::detail
