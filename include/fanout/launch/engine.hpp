// Workers from whatever this program is running under.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>

#include "fanout/launch/batch.hpp"
#include "fanout/launch/launcher.hpp"
#include "fanout/launch/local.hpp"
#include "fanout/launch/slurm.hpp"

namespace fanout {

namespace detail {

/// "slurm", "sge", "pbs", "lsf", "htcondor"; "none".
inline std::string engine_around_us() {
    for (const batch_system* each : {&slurm_row(), &sge_row(), &pbs_row(), &lsf_row(), &htcondor_row()}) {
        const char* const sign = std::getenv(each->inside);
        if (sign && *sign) return each->name;
    }
    return "none";
}

}  // namespace detail

/// In a job of Slurm its workers are steps of the job. In a job of SGE, PBS, LSF or HTCondor they are submitted as
/// another job to the same scheduler. Under nothing that is known they are on this machine, as with `local`.
struct engine {
    /// Throws what the launcher of that engine throws.
    std::shared_ptr<const detail::launcher_base> make_launcher() const {
        const std::string around = detail::engine_around_us();
        if (around == "slurm") return slurm{}.make_launcher();
        if (around == "sge") return sge{}.make_launcher();
        if (around == "pbs") return pbs{}.make_launcher();
        if (around == "lsf") return lsf{}.make_launcher();
        if (around == "htcondor") return htcondor{}.make_launcher();
        return local{}.make_launcher();
    }
};

}  // namespace fanout
