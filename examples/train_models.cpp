// One random forest for each group of rows: a plain loop that takes a while, and the same loop on all CPUs.

#include <dlib/random_forest.h>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fanout/fanout.hpp>
#include <ranges>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "classification_data.hpp"
#include "command_line.hpp"
#include "stopwatch.hpp"

using fanout::delayed;
using fanout::parallel;

struct model {
    dlib::random_forest_regression_function<> forest;
    double accuracy;
};

std::string bytes_of(const model& trained) {
    std::ostringstream stream;
    serialize(trained.forest, stream);  // dlib's, found by the type of the forest
    return stream.str();
}

// How a model crosses processes: dlib's own serialization, as text in between.
template <>
struct fanout::codec<model> {
    static void write(fanout::writer& to, const model& trained) { to(bytes_of(trained), trained.accuracy); }
    static model read(fanout::reader& from) {
        std::istringstream stream(from.read<std::string>());
        model trained;
        deserialize(trained.forest, stream);
        trained.accuracy = from.read<double>();
        return trained;
    }
};

// A row on its way to a worker of tcp: dlib's vectors are taken for numbers in a row.
template <>
struct fanout::codec<features> {
    static void write(fanout::writer& to, const features& row) { to(std::vector<double>(row.begin(), row.end())); }
    static features read(fanout::reader& from) {
        const auto numbers = from.read<std::vector<double>>();
        features row(static_cast<long>(numbers.size()));
        std::ranges::copy(numbers, row.begin());
        return row;
    }
};

// dlib's forests predict numbers: with the labels 0 and 1 that is the share of the trees' votes for class 1.
double accuracy(const std::vector<double>& votes, const std::vector<double>& labels) {
    std::size_t right = 0;
    for (std::size_t i = 0; i < labels.size(); ++i) right += (votes[i] >= 0.5) == (labels[i] == 1);
    return static_cast<double>(right) / static_cast<double>(labels.size());
}

model train(const training_set& set) {
    dlib::random_forest_regression_trainer<> trainer;
    trainer.set_num_trees(100);
    trainer.set_feature_subsampling_fraction(1 / std::sqrt(classification_generator::feature_count));
    trainer.set_min_samples_per_leaf(1);  // no limit of depth
    trainer.set_seed("group " + std::to_string(set.group) + " tree ");

    std::vector<double> votes;  // for each row by the trees that did not learn from it, so an honest accuracy
    auto forest = trainer.train(set.rows, set.labels, votes);
    return {std::move(forest), accuracy(votes, set.labels)};
}

bool equal(const model& one, const model& other, const training_set& set) {
    const auto predict_alike = [&](const features& row) { return one.forest(row) == other.forest(row); };
    return bytes_of(one) == bytes_of(other) && std::ranges::all_of(set.rows | std::views::take(100), predict_alike);
}

bool report(const std::vector<training_set>& groups, const std::vector<model>& one_by_one, double plain_time,
            const std::vector<model>& fanned_out, double parallel_time) {
    double accuracy = 0;
    bool all_equal = fanned_out.size() == groups.size();
    for (std::size_t i = 0; i < groups.size() && all_equal; ++i) {
        accuracy += fanned_out[i].accuracy / static_cast<double>(groups.size());
        all_equal = equal(one_by_one[i], fanned_out[i], groups[i]);
    }
    std::printf("plain loop    %8.2f s\n", plain_time);
    std::printf("parallel      %8.2f s  %.2fx\n", parallel_time, plain_time / parallel_time);
    std::printf("accuracy      %8.4f    out of bag, mean of %zu models\n", accuracy, groups.size());
    std::printf("models equal  %8s\n", all_equal ? "yes" : "no");
    return all_equal;
}

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
