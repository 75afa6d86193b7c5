// One random forest for each group of rows: a plain loop that takes a while, and the same loop on all CPUs.

#include <cstdio>
#include <cstdlib>
#include <fanout/fanout.hpp>
#include <vector>

#include "classification_data.hpp"
#include "command_line.hpp"
#include "random_forests.hpp"
#include "stopwatch.hpp"

using fanout::delayed;
using fanout::parallel;

int main(int argc, char** argv) {
    if (const auto status = fanout::worker_entry(argc, argv)) return *status;  // started again as a worker of tcp

    // dlib trains the trees of a forest on a thread pool of its own. With no thread in that pool, the thread that asks
    // for a forest trains it alone. (With one, all our threads would wait for that one.)
    setenv("DLIB_NUM_THREADS", "0", 1);

    const command_line arguments(
        argc, argv,
        "usage: train_models [--rows N] [--groups N] [--jobs N] [--backend threads|processes|tcp|sequential]\n"
        "The default, 30000 rows in 30 groups, takes about 20 seconds on two cores. The case of the tutorial,\n"
        "--rows 1000000 --groups 1000, should take 33 times as long, some 10 minutes, and 6 GB of memory.\n",
        {"--rows", "--groups", "--jobs", "--backend"});
    const int row_count = arguments.count("--rows", 30'000);
    const int group_count = arguments.count("--groups", 30);
    const int n_jobs = arguments.jobs(-1);

    const std::vector<training_set> groups = classification_generator(42).draw(row_count, group_count);

    bool all_equal = false;
    with_backend(arguments.text("--backend", "threads"), [&](auto backend) {
        std::printf("%d rows in %zu groups, 100 trees for each group\n", row_count, groups.size());

        const stopwatch plain_watch;
        std::vector<model> one_by_one;
        for (const training_set& group : groups) one_by_one.push_back(train(group));
        const double plain_time = plain_watch.seconds();

        const stopwatch parallel_watch;
        const std::vector<model> fanned_out = parallel(n_jobs, backend)(delayed(train), groups);
        const double parallel_time = parallel_watch.seconds();

        all_equal = report(groups, one_by_one, plain_time, fanned_out, parallel_time);
    });
    return all_equal ? EXIT_SUCCESS : EXIT_FAILURE;
}
