// The loops that are measured, each written the way the documentation of its library recommends, each giving a vector.
#pragma once

#include <omp.h>
#include <tbb/parallel_for.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <execution>
#include <fanout/fanout.hpp>
#include <future>
#include <memory>
#include <random>
#include <ranges>
#include <thread>
#include <vector>

namespace workloads {

struct plain_loop {
    template <class F>
    static auto map(std::size_t size, const F& f) {
        std::vector<decltype(f(size))> results(size);
        for (std::size_t i = 0; i < size; ++i) results[i] = f(i);
        return results;
    }
};

/// The same without the zeros that a vector of results is full of before it is written. No library can do with less
/// than each CPU's share of that.
struct least_loop {
    template <class T>
    struct results_of {
        std::unique_ptr<T[]> all;
        std::size_t size;
        const T& back() const { return all[size - 1]; }
    };

    template <class F>
    static auto map(std::size_t size, const F& f) {
        using result = decltype(f(size));
        results_of<result> results{std::make_unique_for_overwrite<result[]>(size), size};
        for (std::size_t i = 0; i < size; ++i) results.all[i] = f(i);
        return results;
    }
};

template <int Jobs>
struct with_fanout {
    template <class F>
    static auto map(std::size_t size, const F& f) {
        return fanout::parallel(Jobs)(fanout::delayed(f), std::views::iota(std::size_t{0}, size));
    }
};

/// Results that are taken as they come, and not kept.
template <int Jobs>
struct with_stream {
    template <class F>
    static auto map(std::size_t size, const F& f) {
        decltype(f(size)) sum = 0;
        for (const auto each :
             fanout::parallel(Jobs).stream(fanout::delayed(f), std::views::iota(std::size_t{0}, size)))
            sum += each;
        return sum;
    }
};

struct with_tbb {
    template <class F>
    static auto map(std::size_t size, const F& f) {
        std::vector<decltype(f(size))> results(size);
        tbb::parallel_for(std::size_t{0}, size, [&](std::size_t i) { results[i] = f(i); });
        return results;
    }
};

struct with_openmp_static {
    template <class F>
    static auto map(std::size_t size, const F& f) {
        std::vector<decltype(f(size))> results(size);
#pragma omp parallel for schedule(static)
        for (std::size_t i = 0; i < size; ++i) results[i] = f(i);
        return results;
    }
};

struct with_openmp_dynamic {
    template <class F>
    static auto map(std::size_t size, const F& f) {
        std::vector<decltype(f(size))> results(size);
#pragma omp parallel for schedule(dynamic)
        for (std::size_t i = 0; i < size; ++i) results[i] = f(i);
        return results;
    }
};

/// Parallel algorithms hand out elements, not indices: where one lies says which it is.
struct with_std_par {
    template <class F>
    static auto map(std::size_t size, const F& f) {
        std::vector<decltype(f(size))> results(size);
        std::for_each(std::execution::par, results.begin(), results.end(),
                      [&](auto& each) { each = f(static_cast<std::size_t>(&each - results.data())); });
        return results;
    }
};

/// As it is done by hand: a part of the loop for each CPU, each in a thread of its own.
struct with_async {
    template <class F>
    static auto map(std::size_t size, const F& f) {
        std::vector<decltype(f(size))> results(size);
        const std::size_t parts = std::thread::hardware_concurrency();
        std::vector<std::future<void>> others;
        for (std::size_t part = 1; part <= parts; ++part) {
            const auto run = [&, first = size * (part - 1) / parts, last = size * part / parts] {
                for (std::size_t i = first; i < last; ++i) results[i] = f(i);
            };
            if (part < parts)
                others.push_back(std::async(std::launch::async, run));
            else
                run();
        }
        for (auto& each : others) each.get();
        return results;
    }
};

inline const auto square_root = [](std::size_t i) { return std::sqrt(static_cast<double>(i)); };

/// A loop inside of a loop, through the same library.
template <class Library>
inline const auto inner_loop = [](std::size_t) { return Library::map(100'000, square_root).back(); };

/// Keeps a core busy for so long, by the clock.
inline void work_for(std::chrono::nanoseconds duration) {
    const auto until = std::chrono::steady_clock::now() + duration;
    while (std::chrono::steady_clock::now() < until) {
    }
}

/// 256 uneven tasks: task i takes i microseconds.
inline const auto ramp = [](std::size_t i) {
    work_for(std::chrono::microseconds(i));
    return i;
};

/// Uneven as real work often is: most tasks are short, a few take twenty times as long, in no order. 100 us each on the
/// average, 30 us the median.
inline std::chrono::nanoseconds lognormal_time(std::size_t i) {
    std::mt19937_64 random(i);
    std::lognormal_distribution<double> microseconds(std::log(30.0), 1.55);
    return std::chrono::nanoseconds(static_cast<long>(1000 * microseconds(random)));
}
inline const auto lognormal = [](std::size_t i) {
    work_for(lognormal_time(i));
    return i;
};

/// A task that only waits, as for a network.
inline const auto wait_10ms = [](std::size_t i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return i;
};

}  // namespace workloads
