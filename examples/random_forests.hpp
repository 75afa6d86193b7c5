// Random forests: how one is trained, how it crosses processes, and whether two are equal.
#pragma once

#include <dlib/random_forest.h>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <fanout/fanout.hpp>
#include <ranges>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "classification_data.hpp"

struct model {
    dlib::random_forest_regression_function<> forest;
    double accuracy;
};

inline std::string bytes_of(const model& trained) {
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
inline double accuracy(const std::vector<double>& votes, const std::vector<double>& labels) {
    std::size_t right = 0;
    for (std::size_t i = 0; i < labels.size(); ++i) right += (votes[i] >= 0.5) == (labels[i] == 1);
    return static_cast<double>(right) / static_cast<double>(labels.size());
}

inline model train(const training_set& set) {
    dlib::random_forest_regression_trainer<> trainer;
    trainer.set_num_trees(100);
    trainer.set_feature_subsampling_fraction(1 / std::sqrt(classification_generator::feature_count));
    trainer.set_min_samples_per_leaf(1);  // no limit of depth
    trainer.set_seed("group " + std::to_string(set.group) + " tree ");

    std::vector<double> votes;  // for each row by the trees that did not learn from it, so an honest accuracy
    auto forest = trainer.train(set.rows, set.labels, votes);
    return {std::move(forest), accuracy(votes, set.labels)};
}

inline bool equal(const model& one, const model& other, const training_set& set) {
    const auto predict_alike = [&](const features& row) { return one.forest(row) == other.forest(row); };
    return bytes_of(one) == bytes_of(other) && std::ranges::all_of(set.rows | std::views::take(100), predict_alike);
}

inline bool report(const std::vector<training_set>& groups, const std::vector<model>& one_by_one, double plain_time,
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
