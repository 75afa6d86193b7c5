// Workers that Spark places, on the executors of an application of their own.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "fanout/core/concat.hpp"
#include "fanout/core/errors.hpp"
#include "fanout/launch/child_program.hpp"
#include "fanout/launch/command.hpp"
#include "fanout/launch/environment_variables.hpp"
#include "fanout/launch/job_folder.hpp"
#include "fanout/launch/launcher.hpp"
#include "fanout/launch/local.hpp"
#include "fanout/launch/output_file.hpp"
#include "fanout/launch/shell_words.hpp"
#include "fanout/launch/spark_script.hpp"

namespace fanout {

namespace detail {

struct spark_settings {
    std::string master, submit, program;
    std::vector<std::string> conf, arguments;
    bool verbose = false;
};

/// What Spark says in very many lines: those that may tell why it does not do what it should.
class spark_news {
public:
    /// Passes on what is ours; with `verbose` everything.
    void take(const std::string& fresh, bool verbose) {
        if (verbose) std::fputs(fresh.c_str(), stderr);
        line_ += fresh;
        for (std::size_t end = line_.find('\n'); end != line_.npos; end = line_.find('\n')) {
            note(line_.substr(0, end), verbose);
            line_.erase(0, end + 1);
        }
    }

    /// The last lines that matter, and what helps against what they say.
    std::string last_words() const {
        std::string all;
        for (const std::string& each : notable_) all += (all.empty() ? "" : "\n    ") + each;
        if (all.empty()) all = line_;
        return all + hint_at_address(all) + help();
    }

private:
    static constexpr std::size_t most_lines = 8;

    void note(const std::string& line, bool verbose) {
        const auto has = [&](const char* what) { return line.find(what) != line.npos; };
        if (has("fanout: ") && !verbose) std::fprintf(stderr, "%s\n", line.c_str());
        if (has("ERROR") || has("WARN") || has("Exception") || has("rror:") || has("fanout: ") || has("ot found") ||
            has("JAVA_") || has("No such file") || has("unresponsive")) {
            notable_.push_back(line.substr(0, 500));
            if (notable_.size() > most_lines) notable_.erase(notable_.begin());
        }
        no_java_ = no_java_ || has("JAVA_HOME is not set") || has("java: not found") ||
                   has("java: command not found") || has("java: No such file") || has("JAVA_GATEWAY_EXITED");
        no_room_ = no_room_ || has("Initial job has not accepted any resources");
    }

    const char* help() const {
        if (no_java_) return "; Spark needs Java: install it (openjdk-17-jre-headless), or set JAVA_HOME";
        if (no_room_)
            return "; Spark has no room for the workers: ask for fewer slots of each, or for executors that fit, such "
                   "as .conf = {\"spark.executor.memory=600m\"}, or wait until others have gone";
        return "";
    }

    std::string line_;
    std::vector<std::string> notable_;
    bool no_java_ = false;
    bool no_room_ = false;
};

class spark_workers final : public launched_workers {
public:
    spark_workers(const worker_order& order, const spark_settings& how)
        : folder_(temporary_folder()), verbose_(how.verbose) {
        folder_.write("script.py", spark_script, 0600);
        folder_.write("key", order.key + "\n", 0600);

        const std::string program = how.program.empty() ? name_to_ship(own_path()) : how.program;
        const std::string submit = how.submit.empty() ? spark_submit() : how.submit;
        std::vector<std::string> words = {submit, "--deploy-mode", "client", "--name", "fanout"};
        // What is meant for a user who sits in front of it, as jupyter, would not run our script.
        if (const std::string asked = set_to("PYSPARK_DRIVER_PYTHON"); !asked.empty() && !is_python(asked))
            words.insert(words.begin(), {"env", "-u", "PYSPARK_DRIVER_PYTHON", "-u", "PYSPARK_DRIVER_PYTHON_OPTS"});
        if (!how.master.empty()) words.insert(words.end(), {"--master", how.master});
        if (how.program.empty()) words.insert(words.end(), {"--files", program});
        // A second copy of a worker would only be in the way, and workers may die often in a long run.
        for (const std::string& each :
             {std::string("spark.speculation=false"), std::string("spark.task.maxFailures=100"),
              concat({"spark.task.cpus=", std::to_string(order.slots)})})
            words.insert(words.end(), {"--conf", each});
        for (const std::string& each : how.conf) words.insert(words.end(), {"--conf", each});
        words.insert(words.end(), how.arguments.begin(), how.arguments.end());
        words.insert(words.end(),
                     {folder_.path() + "/script.py", std::to_string(order.workers), std::to_string(order.slots),
                      how.program.empty() ? std::filesystem::path(program).filename().string() : program,
                      std::to_string(getpid()), folder_.path() + "/key"});
        const std::vector<std::string> told = worker_words(order, order.slots);
        words.insert(words.end(), told.begin(), told.end());
        command_ = as_typed(words);
        const int error = submit_.start(words, python_beside(submit), "", {said_.number(), said_.number()});
        if (error != 0)
            throw pool_broken(concat(
                {"fanout: spark could not start `", command_, "`: ", std::generic_category().message(error),
                 "; install Spark (pip install pyspark), and set SPARK_HOME, or PATH, or spark{.submit = ...}"}));
        std::fprintf(stderr, "fanout: Spark starts, which takes some seconds: %s\n", submit.c_str());
    }
    ~spark_workers() override {
        folder_.remove("key");  // by which the script knows that nobody is wanted any more
        if (!submit_.wait_for_end(15'000)) {
            submit_.ask_to_leave();
            submit_.wait_for_end(5'000);
        }
        news_.take(said_.news(), verbose_);
    }

    std::string keep_up() override {
        const bool ended = submit_.has_ended();
        news_.take(said_.news(), verbose_);
        return ended ? concat({"Spark's application has ended: ", end_of(submit_.status()), "; ", last_words()})
                     : std::string();
    }

    std::string last_words() const override {
        const std::string said = news_.last_words();
        return concat({"the workers are jobs of Spark, started by `", command_, "`",
                       said.empty() ? ", which has said nothing yet" : ", which said:\n    ", said});
    }

private:
    static std::string temporary_folder() {
        const std::string folder = folder_of_temporary_files();
        return is_pattern(folder) ? "/tmp" : folder;
    }

    static bool is_python(const std::string& command) {
        return std::filesystem::path(command).filename().string().rfind("python", 0) == 0;
    }

    /// Spark takes what is to be shipped for a list of addresses with patterns.
    static bool is_pattern(const std::string& path) { return path.find_first_of("#,?*[]{}\\") != path.npos; }

    /// A path that is more than Spark can bear is copied: links it would follow before it looks.
    std::string name_to_ship(const std::string& path) const {
        if (!is_pattern(path)) return path;
        std::string other = concat({folder_.path(), "/program"});
        std::filesystem::copy_file(path, other);
        return other;
    }

    static std::string spark_submit() {
        const std::string home = set_to("SPARK_HOME");
        return home.empty() ? std::string("spark-submit") : concat({home, "/bin/spark-submit"});
    }

    /// That of a virtual environment, which need not have been activated.
    static std::string python_beside(const std::string& submit) {
        const std::string python = (std::filesystem::path(submit).parent_path() / "python3").string();
        if (submit.find('/') == submit.npos || std::getenv("PYSPARK_PYTHON") || ::access(python.c_str(), X_OK) != 0)
            return "FANOUT_LAUNCHER=spark";
        return concat({"PYSPARK_PYTHON=", python});
    }

    const job_folder folder_;
    const bool verbose_;
    std::string command_;
    output_file said_;
    child_program submit_;
    spark_news news_;
};

class spark_launcher final : public launcher_base {
public:
    explicit spark_launcher(spark_settings how) : how_(std::move(how)) {
        const std::string& master = how_.master;
        if (master.rfind("local", 0) == 0 && master.rfind("local-cluster[", 0) != 0)
            throw std::invalid_argument(
                concat({"fanout: spark: the master ", master,
                        " is threads of one machine, where tcp{} or processes{} do without Spark; give "
                        "spark://host:7077, yarn, k8s://..., or, to try it, local-cluster[3,1,1024]"}));
        if (master.rfind("sc://", 0) == 0)
            throw std::invalid_argument(
                concat({"fanout: spark: ", master,
                        " is Spark Connect, which cannot run programs on executors (it has no RDDs); give the master "
                        "itself, spark://host:7077"}));
        for (const std::string& each : how_.conf)
            if (each.find('=') == each.npos || each[0] == '=')
                throw std::invalid_argument(
                    concat({"fanout: spark: '", each, "' sets nothing; write .conf = {\"spark.executor.cores=2\"}"}));
    }

    std::unique_ptr<launched_workers> launch(const worker_order& order) const override {
        return std::make_unique<spark_workers>(order, how_);
    }
    std::optional<int> cpus() const override {
        throw std::invalid_argument(
            "fanout: n_jobs = -1 counts CPUs, and how many Spark will give is not known; say how many tasks are to run "
            "at once");
    }

private:
    const spark_settings how_;
};

}  // namespace detail

/// Workers on the executors of a Spark cluster: one Spark job for each, so that Spark places it, starts it again when
/// it or its executor dies, and lets it wait while there is no room. No task and no result passes through Spark.
/// `tcp::slots` is the CPUs of a worker (spark.task.cpus). This program's file is shipped. The key goes through Spark
/// too: on a network that is not to be trusted have spark.authenticate and spark.network.crypto.enabled set.
///
/// Needs spark-submit, which is looked for in $SPARK_HOME/bin and in PATH, Java, and Python on all machines.
/// Throws `std::invalid_argument` for a master that cannot do this; when called `pool_broken`, with Spark's last words.
///
///     parallel(50, tcp{.workers = spark{.master = "spark://head:7077"}})
struct spark {
    /// As spark-submit understands it: "spark://host:7077", "yarn", "k8s://...", "local-cluster[workers,cores,MB]".
    /// Not set: what spark-defaults.conf says.
    std::string master = {};

    /// "spark.executor.memory=600m", and the like.
    std::vector<std::string> conf = {};

    /// Any further ones of spark-submit.
    std::vector<std::string> arguments = {};

    /// The path of spark-submit; that in the bin folder of a virtual environment will do.
    std::string submit = {};

    /// This program where all machines find it. Not set: it is shipped.
    std::string program = {};

    /// Pass on all that Spark says, not only what concerns the workers.
    bool verbose = false;

    std::shared_ptr<const detail::launcher_base> make_launcher() const {
        return std::make_shared<const detail::spark_launcher>(
            detail::spark_settings{master, submit, program, conf, arguments, verbose});
    }
};

}  // namespace fanout
