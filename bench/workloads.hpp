// The loops that are measured, each written the way the documentation of its library recommends, each giving a vector.
#pragma once

#include <omp.h>
#include <tbb/parallel_for.h>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <fanout/fanout.hpp>
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

inline const auto square_root = [](std::size_t i) { return std::sqrt(static_cast<double>(i)); };

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

/// A task that only waits, as for a network.
inline const auto wait_10ms = [](std::size_t i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return i;
};

}  // namespace workloads
