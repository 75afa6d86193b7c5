// A parallel loop in one line: 10,000 square roots (too little work to gain), then 2,000 integrals (nearly all gain).

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fanout/fanout.hpp>
#include <numbers>
#include <vector>

#include "command_line.hpp"
#include "stopwatch.hpp"

using fanout::delayed;
using fanout::parallel;

double root(double x) { return std::sqrt(x); }

// The perimeter of an ellipse with the half-axes 1 and b is an integral without a closed form: some 70 us of work.
double ellipse_perimeter(double b) {
    constexpr int steps = 2000;
    constexpr double step = std::numbers::pi / 2 / steps;
    double quarter = 0;
    for (int i = 0; i < steps; ++i) {
        const double angle = (i + 0.5) * step;
        quarter += std::hypot(std::sin(angle), b * std::cos(angle)) * step;
    }
    return 4 * quarter;
}

template <class Loop>
double microseconds(Loop loop) {
    const stopwatch watch;
    loop();
    return watch.seconds() * 1e6;
}

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    return *middle;
}

// Runs both loops several times, prints one line of the table, and returns whether the results are equal.
template <class F, class Backend>
bool compare(const char* title, F f, const std::vector<double>& numbers, int n_jobs, Backend backend, int runs) {
    std::vector<double> one_by_one, fanned_out, plain_times, parallel_times;
    for (int run = 0; run < runs; ++run) {  // in turn, so that a busy moment of the machine hits both
        plain_times.push_back(microseconds([&] {
            one_by_one.clear();
            for (const double x : numbers) one_by_one.push_back(f(x));
        }));
        parallel_times.push_back(microseconds([&] { fanned_out = parallel(n_jobs, backend)(delayed(f), numbers); }));
    }

    const bool equal = fanned_out == one_by_one;
    const double plain_time = median(plain_times);
    const double parallel_time = median(parallel_times);
    std::printf("%-19s %10.0f us %10.0f us %7.2fx   results equal: %s\n", title, plain_time, parallel_time,
                plain_time / parallel_time, equal ? "yes" : "no");
    return equal;
}

int main(int argc, char** argv) {
    if (const auto status = fanout::worker_entry(argc, argv)) return *status;  // started again as a worker of tcp

    const command_line arguments(argc, argv, "usage: sqrt [--jobs N] [--backend threads|processes|tcp|sequential]\n",
                                 {"--jobs", "--backend"});
    const int n_jobs = arguments.jobs(-1);

    std::vector<double> squares, axes;
    for (int i = 0; i < 10'000; ++i) squares.push_back(1.0 * i * i);
    for (int i = 0; i < 2'000; ++i) axes.push_back(i / 2000.0);

    bool all_equal = false;
    with_backend(arguments.text("--backend", "threads"), [&](auto backend) {
        std::printf("%-19s %13s %13s %8s\n", "median times", "plain loop", "parallel", "ratio");
        const bool roots_equal = compare("10,000 square roots", root, squares, n_jobs, backend, 101);
        const bool perimeters_equal = compare("2,000 integrals", ellipse_perimeter, axes, n_jobs, backend, 5);
        all_equal = roots_equal && perimeters_equal;
    });
    return all_equal ? EXIT_SUCCESS : EXIT_FAILURE;
}
