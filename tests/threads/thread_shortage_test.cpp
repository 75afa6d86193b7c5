// When the system gives no more threads, a call goes on with those that it has.
#include <dlfcn.h>
#include <pthread.h>
#include <fanout/front/parallel.hpp>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <limits>
#include <ranges>
#include <stop_token>
#include <system_error>
#include <vector>

#include "catch.hpp"
#include "support/sanitizers.hpp"

#if FANOUT_TESTS_UNDER_TSAN || FANOUT_TESTS_UNDER_ASAN

TEST_CASE("a shortage of threads cannot be staged under sanitizers that stand in for pthread_create themselves",
          "[threads][bad-input]") {
    SUCCEED();
}

#else

namespace {

std::atomic<int> threads_to_be_had = std::numeric_limits<int>::max();
std::atomic<int> refused = 0;

}  // namespace

/// Stands in for the system's own.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* how, void* (*body)(void*), void* argument) {
    static const auto real = reinterpret_cast<decltype(&pthread_create)>(dlsym(RTLD_NEXT, "pthread_create"));
    if (threads_to_be_had.fetch_sub(1) > 0) return real(thread, how, body, argument);
    ++refused;
    return EAGAIN;
}

using fanout::delayed, fanout::parallel;

TEST_CASE("a call that gets no thread, or fewer than it wants, is done all the same", "[threads][bad-input]") {
    for (const int to_be_had : {0, 1, 3}) {
        threads_to_be_had = to_be_had;
        refused = 0;
        const auto kept = parallel(16);
        for (int call = 0; call < 20; ++call) {
            REQUIRE(kept(delayed([](int i) { return i; }), std::views::iota(0, 100)).size() == 100);
            REQUIRE(parallel(16)(delayed([](int i) { return i; }), std::views::iota(0, 100)).size() == 100);
        }
        if (to_be_had == 0) CHECK(refused > 0);
    }
    threads_to_be_had = std::numeric_limits<int>::max();
    const auto kept = parallel(16);
    CHECK(kept(delayed([](int i) { return i; }), std::views::iota(0, 100)).size() == 100);
}

TEST_CASE("a time limit that cannot be watched for lack of a thread is an error of the task", "[threads][bad-input]") {
    threads_to_be_had = 0;
    const auto task = delayed([](std::stop_token, int i) { return i; });
    CHECK_THROWS_AS(parallel({.n_jobs = 1, .timeout = std::chrono::seconds(60)})(task, std::vector{1}),
                    std::system_error);
    threads_to_be_had = std::numeric_limits<int>::max();
    CHECK(parallel({.n_jobs = 1, .timeout = std::chrono::seconds(60)})(task, std::vector{1}) == std::vector{1});
}

#endif
