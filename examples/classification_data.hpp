// Makes rows of features with a label that a model can learn, in the manner of scikit-learn's make_classification.
#pragma once

#include <dlib/matrix.h>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <random>
#include <vector>

using features = dlib::matrix<double, 0, 1>;

// The rows of one group: what one model learns from.
struct training_set {
    int group = 0;
    std::vector<features> rows;
    std::vector<double> labels;  // 0 or 1
};

// The same numbers for the same seed everywhere: the standard fixes what its engines draw, but not what its
// distributions make of it, so these are our own.
class random_source {
public:
    explicit random_source(std::uint64_t seed) : engine_(seed) {}

    double uniform() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }  // in [0, 1)

    int below(int end) { return static_cast<int>(uniform() * end); }

    double gaussian() {  // Box and Muller's transform
        return std::sqrt(-2 * std::log(1 - uniform())) * std::cos(2 * std::numbers::pi * uniform());
    }

private:
    std::mt19937_64 engine_;
};

// Each class is a pair of Gaussian clusters in the space of the informative features. The redundant features are
// linear combinations of the informative ones, the rest are noise, and one label in a hundred is wrong.
class classification_generator {
public:
    static constexpr int feature_count = 10;

    explicit classification_generator(std::uint64_t seed) : random_(seed) {
        for (auto& centre : centres_)
            for (double& coordinate : centre) coordinate = random_.gaussian();
        for (auto& weights : redundant_weights_)
            for (double& weight : weights) weight = 2 * random_.uniform() - 1;
    }

    // Draws rows and deals them to groups 1 to `group_count` at random. A group that got no row is left out.
    std::vector<training_set> draw(int row_count, int group_count) {
        std::vector<training_set> sets(group_count);
        for (int i = 0; i < group_count; ++i) sets[i].group = i + 1;
        for (int i = 0; i < row_count; ++i) {
            training_set& set = sets[random_.below(group_count)];
            const int cluster = random_.below(cluster_count);
            const bool mislabelled = random_.uniform() < 0.01;
            set.rows.push_back(draw_row(centres_[cluster]));
            set.labels.push_back((cluster % 2 == 1) != mislabelled ? 1 : 0);
        }
        std::erase_if(sets, [](const training_set& set) { return set.rows.empty(); });
        return sets;
    }

private:
    static constexpr int informative_count = 4;
    static constexpr int redundant_count = 3;
    static constexpr int cluster_count = 4;  // the odd ones are of class 1

    using point = std::array<double, informative_count>;

    features draw_row(const point& centre) {
        features row(feature_count);
        int next = 0;
        for (const double coordinate : centre) row(next++) = coordinate + random_.gaussian();
        for (const point& weights : redundant_weights_) {
            double combination = 0;
            for (int i = 0; i < informative_count; ++i) combination += weights[i] * row(i);
            row(next++) = combination;
        }
        while (next < feature_count) row(next++) = random_.gaussian();
        return row;
    }

    random_source random_;
    std::array<point, cluster_count> centres_;
    std::array<point, redundant_count> redundant_weights_;
};
