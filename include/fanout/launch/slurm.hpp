// Workers that Slurm runs: as steps of the job that this program runs in, or as a job of their own.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fanout/core/concat.hpp"
#include "fanout/launch/batch.hpp"
#include "fanout/launch/batch_system.hpp"
#include "fanout/launch/launcher.hpp"
#include "fanout/launch/local.hpp"
#include "fanout/launch/slurm_allocation.hpp"
#include "fanout/launch/slurm_steps.hpp"

namespace fanout {

namespace detail {

class slurm_launcher final : public launcher_base {
public:
    slurm_launcher(batch_wishes wishes, bool submit, bool ship_program)
        : wishes_(std::move(wishes)), submit_(submit), ship_program_(ship_program) {}

    std::unique_ptr<launched_workers> launch(const worker_order& order) const override {
        std::optional<slurm_allocation> ours = allocation();
        if (!ours) return std::make_unique<batch_workers>(order, slurm_row(), wishes_);
        slurm_step_settings how;
        how.program = wishes_.program.empty() ? own_path() : wishes_.program;
        how.arguments = wishes_.arguments;
        how.ship_program = ship_program_;
        return std::make_unique<slurm_steps>(order, std::move(*ours), std::move(how));
    }

    std::optional<int> cpus() const override {
        if (const auto ours = allocation()) return ours->cpus();
        return batch_launcher(slurm_row(), wishes_).cpus();
    }

private:
    std::optional<slurm_allocation> allocation() const { return submit_ ? std::nullopt : slurm_allocation::ours(); }

    const batch_wishes wishes_;
    const bool submit_;
    const bool ship_program_;
};

}  // namespace detail

/// Workers on a cluster that is run by Slurm.
///
/// In a job (salloc, sbatch) they are steps of it: one worker on each node with as many slots as it needs of it, unless
/// `tcp::slots` says how many a worker has. n_jobs = -1 is all CPUs of the job. A worker that ends is replaced; nodes
/// that go away are done without, if the job was started with --no-kill. Workers begin to leave before its time is up.
///
/// Elsewhere, on a login node, they are submitted as an array job, one worker an element, which waits for its turn and
/// is cancelled at the end; what is lost is requeued by Slurm.
///
/// Throws, when called: `std::invalid_argument` for more slots than the job has, `pool_broken` with Slurm's own words.
///
///     parallel(50, tcp{.workers = slurm{.partition = "short", .time = "01:00:00"}, .patience = 1h})
struct slurm {
    /// Of the array job, as sbatch understands them; the time, and the memory, of each worker.
    std::string partition = {};
    std::string account = {};
    std::string time = {};
    std::string memory = {};
    std::string constraint = {};

    /// Any further ones of sbatch, or in a job of srun.
    std::vector<std::string> arguments = {};

    /// Of the array job: where a folder is made for the key, which only its owner can read, and for the workers' logs;
    /// all nodes have to see it. It goes away with the workers. Not set: the current folder.
    std::string folder = {};

    /// This program as the nodes know it. Not set: where it is here.
    std::string program = {};

    /// Submit workers, also from inside of a job.
    bool submit = false;

    /// The nodes do not see this program's file: srun copies it to /tmp on each of them. Only in a job.
    bool ship_program = false;

    std::shared_ptr<const detail::launcher_base> make_launcher() const {
        return std::make_shared<const detail::slurm_launcher>(
            detail::batch_wishes{partition, account, time, memory, constraint, arguments, folder, program}, submit,
            ship_program);
    }
};

}  // namespace fanout
