// One random forest for each group of rows, on a cluster that Slurm or Spark looks after. slurm.sh and spark.sh in this
// folder start one on this machine.

#include <cstdio>
#include <cstdlib>
#include <fanout/engines.hpp>
#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
#include <string>
#include <vector>

#include "classification_data.hpp"
#include "command_line.hpp"
#include "random_forests.hpp"
#include "stopwatch.hpp"

using fanout::delayed, fanout::parallel;

// Who starts the workers is all that changes from one machine to a cluster.
fanout::launcher engine_named(const std::string& name, const std::string& master, const std::string& submit) {
    if (name == "slurm") return fanout::slurm{};
    if (name == "spark")
        return fanout::spark{.master = master, .conf = {"spark.executor.memory=600m"}, .submit = submit};
    if (name == "local") return fanout::local{};
    reject("unknown engine '" + name + "': write --engine slurm, spark or local");
}

int main(int argc, char** argv) {
    setenv("DLIB_NUM_THREADS", "0", 1);  // as in train_models; before all, for workers are told nothing of it
    if (const auto status = fanout::worker_entry(argc, argv)) return *status;

    const command_line arguments(
        argc, argv,
        "usage: train_on_engine [--engine slurm|spark|local] [--master URL] [--submit PATH] [--rows N] [--groups N]\n"
        "                       [--jobs N]\n",
        {"--engine", "--master", "--submit", "--rows", "--groups", "--jobs"});
    const fanout::launcher workers = engine_named(arguments.text("--engine", "local"), arguments.text("--master", ""),
                                                  arguments.text("--submit", ""));
    const int row_count = arguments.count("--rows", 20'000);
    const int group_count = arguments.count("--groups", 100);

    const std::vector<training_set> groups = classification_generator(42).draw(row_count, group_count);
    const stopwatch plain_watch;
    std::vector<model> one_by_one;
    for (const training_set& group : groups) one_by_one.push_back(train(group));
    const double plain_time = plain_watch.seconds();

    const auto tell = [](const fanout::progress& now) {
        std::fprintf(stderr, "%zu of %zu models\n", now.done, now.total);
    };
    const stopwatch parallel_watch;
    const std::vector<model> fanned_out = parallel({.n_jobs = arguments.jobs(-1), .on_progress = tell},
                                                   fanout::tcp{.workers = workers})(delayed(train), groups);
    const double parallel_time = parallel_watch.seconds();
    return report(groups, one_by_one, plain_time, fanned_out, parallel_time) ? EXIT_SUCCESS : EXIT_FAILURE;
}
