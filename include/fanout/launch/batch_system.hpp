// Schedulers that take jobs, as data: how a job of many workers is submitted, known, looked at and cancelled.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "fanout/core/concat.hpp"

namespace fanout::detail {

/// Whatever a user has set to be shown when nothing is said (SQUEUE_STATES).
inline constexpr const char* slurm_states_of_life =
    "--states=PENDING,RUNNING,SUSPENDED,CONFIGURING,COMPLETING,REQUEUED,REQUEUE_HOLD,STOPPED";

/// One row for each scheduler; another one is another row. In its words stand, in braces, what is known only later:
/// {script}, {folder}, {workers}, {last} (workers - 1), {slots} (of each), {id}, and what the user has said:
/// {partition}, {account}, {time}, {memory}, {constraint}. A word whose user's value is empty is left out, with the one
/// before it if that is an option without a value.
struct batch_system {
    const char* name;
    const char* inside;  // the variable in whose presence a program runs as a job of this scheduler

    std::vector<const char*> submit;
    const char* before_id;  // the id is what stands, in what `submit` answers, behind this (nothing: at the beginning
    const char* after_id;   // of its last line), up to the first of these letters, or the end

    std::vector<const char*> cancel;
    std::vector<const char*> look;  // says something, and succeeds, as long as any worker runs or waits
    std::vector<const char*>
        alive;                      // one of these is in what `look` says as long as that is so; none: whatever it says
    std::vector<const char*> gone;  // in what `look` or `cancel` say when they fail because the job is no more

    const char* description;  // a file {folder}/description, for a scheduler that wants one; may be null
};

/// Slurm has a launcher of its own, which uses this row outside of an allocation.
inline const batch_system& slurm_row() {
    static const batch_system row = {
        "slurm",
        "SLURM_JOB_ID",
        {"sbatch", "--parsable", "--array=0-{last}", "--requeue", "--open-mode=append", "--signal=B:TERM@60",
         "--nodes=1", "--ntasks=1", "--cpus-per-task={slots}", "--export=ALL", "--job-name=fanout",
         "--output={folder}/log-%a", "--partition={partition}", "--account={account}", "--time={time}",
         "--mem={memory}", "--constraint={constraint}", "{arguments}", "{script}"},
        "",
        ";",
        {"scancel", "{id}"},
        {"squeue", "--noheader", "--jobs={id}", slurm_states_of_life, "--format=%i %T %R"},
        {},
        {"Invalid job id"},
        nullptr};
    return row;
}

inline const batch_system& pbs_row() {
    static const batch_system row = {"pbs",
                                     "PBS_JOBID",
                                     {"qsub",
                                      "-J",
                                      "0-{last}",
                                      "-r",
                                      "y",
                                      "-N",
                                      "fanout",
                                      "-j",
                                      "oe",
                                      "-o",
                                      "{folder}/",
                                      "-l",
                                      "select=1:ncpus={slots}",
                                      "-q",
                                      "{partition}",
                                      "-A",
                                      "{account}",
                                      "-l",
                                      "walltime={time}",
                                      "-l",
                                      "mem={memory}",
                                      "{arguments}",
                                      "{script}"},
                                     "",
                                     "",
                                     {"qdel", "{id}"},
                                     {"qstat", "{id}"},
                                     {},
                                     {"nknown Job", "ob has finished"},
                                     nullptr};
    return row;
}

inline const batch_system& lsf_row() {
    static const batch_system row = {"lsf",
                                     "LSB_JOBID",
                                     {"bsub",
                                      "-J",
                                      "fanout[1-{workers}]",
                                      "-r",
                                      "-n",
                                      "{slots}",
                                      "-R",
                                      "span[hosts=1]",
                                      "-o",
                                      "{folder}/log-%I",
                                      "-q",
                                      "{partition}",
                                      "-P",
                                      "{account}",
                                      "-W",
                                      "{time}",
                                      "-M",
                                      "{memory}",
                                      "-R",
                                      "{constraint}",
                                      "{arguments}",
                                      "/bin/sh",
                                      "{script}"},
                                     "Job <",
                                     ">",
                                     {"bkill", "{id}"},
                                     {"bjobs", "{id}"},
                                     {"RUN", "PEND", "USUSP", "SSUSP", "PSUSP", "PROV", "WAIT", "UNKWN"},
                                     {"o unfinished job", "already finished", "is not found"},
                                     nullptr};
    return row;
}

inline const batch_system& sge_row() {
    static const batch_system row = {"sge",
                                     "SGE_TASK_ID",
                                     {"qsub",        "-terse",
                                      "-t",          "1-{workers}",
                                      "-r",          "y",
                                      "-N",          "fanout",
                                      "-j",          "y",
                                      "-o",          "{folder}/",
                                      "-S",          "/bin/sh",
                                      "-q",          "{partition}",
                                      "-A",          "{account}",
                                      "-l",          "h_rt={time}",
                                      "-l",          "h_vmem={memory}",
                                      "-l",          "{constraint}",
                                      "{arguments}", "{script}"},
                                     "",
                                     ".",
                                     {"qdel", "{id}"},
                                     {"qstat", "-j", "{id}"},
                                     {},
                                     {"do not exist", "does not exist"},
                                     nullptr};
    return row;
}

inline const batch_system& htcondor_row() {
    static const batch_system row = {"htcondor",
                                     "_CONDOR_JOB_AD",
                                     {"condor_submit", "-terse", "{arguments}", "{folder}/description"},
                                     "",
                                     ".",
                                     {"condor_rm", "{id}"},
                                     {"condor_q", "{id}", "-af:j", "JobStatus", "HoldReason"},
                                     {},
                                     {"ll matching", "find/remove all jobs"},
                                     "executable = {script}\n"
                                     "universe = vanilla\n"
                                     "request_cpus = {slots}\n"
                                     "request_memory = {memory}\n"
                                     "requirements = {constraint}\n"
                                     "accounting_group = {account}\n"
                                     "+MaxRuntime = {time}\n"
                                     "want_graceful_removal = True\n"
                                     "getenv = True\n"
                                     "output = {folder}/log-$(Process)\n"
                                     "error = {folder}/log-$(Process)\n"
                                     "queue {workers}\n"};
    return row;
}

using batch_values = std::vector<std::pair<std::string, std::string>>;  // by their names

/// With the values in place of the names in braces; what is in a value stays as it is. `empty`: one of them is.
inline std::string filled_in(const std::string& text, const batch_values& values, bool* empty = nullptr) {
    std::string result;
    for (std::size_t at = 0; at < text.size();) {
        const std::pair<std::string, std::string>* named = nullptr;
        for (const auto& each : values)
            if (text.compare(at, each.first.size() + 2, concat({"{", each.first, "}"})) == 0) named = &each;
        if (!named) {
            result += text[at++];
            continue;
        }
        if (named->second.empty() && empty) *empty = true;
        result += named->second;
        at += named->first.size() + 2;
    }
    return result;
}

/// The words of a command; `arguments` are the user's own.
inline std::vector<std::string> filled_in(const std::vector<const char*>& words, const batch_values& values,
                                          const std::vector<std::string>& arguments = {}) {
    std::vector<std::string> result;
    for (const char* const each : words) {
        if (each == std::string("{arguments}")) {
            result.insert(result.end(), arguments.begin(), arguments.end());
            continue;
        }
        bool empty = false;
        std::string word = filled_in(std::string(each), values, &empty);
        if (!empty) {
            result.push_back(std::move(word));
        } else if (each[0] != '-' && !result.empty() && result.back()[0] == '-') {
            result.pop_back();  // "-q {partition}"
        }
    }
    return result;
}

/// The lines of a file; one whose value is empty is left out.
inline std::string filled_in_lines(const std::string& text, const batch_values& values) {
    std::string result;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at);
        bool empty = false;
        const std::string line = filled_in(text.substr(at, end - at), values, &empty);
        if (!empty) result += line + "\n";
        at = end + 1;
    }
    return result;
}

inline bool has_any_of(const std::string& text, const std::vector<const char*>& phrases) {
    for (const char* const each : phrases)
        if (text.find(each) != text.npos) return true;
    return false;
}

/// The job's id in what the scheduler has answered; empty: there is none.
inline std::string id_in(const std::string& answer, const batch_system& of) {
    const std::string before = of.before_id;
    std::size_t from = 0;
    if (before.empty()) {
        const std::size_t line = answer.rfind('\n');  // what stands above it is a site's greeting
        from = line == answer.npos ? 0 : line + 1;
    } else {
        from = answer.find(before);
        if (from == answer.npos) return {};
        from += before.size();
    }
    const std::size_t end = answer.find_first_of(concat({of.after_id, " \n"}), from);
    const std::string id = answer.substr(from, end == answer.npos ? end : end - from);
    return id.empty() || id[0] < '0' || id[0] > '9' ? std::string() : id;
}

}  // namespace fanout::detail
