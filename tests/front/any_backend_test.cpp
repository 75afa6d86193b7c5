// Tests of any_backend.hpp: a call through a backend that is chosen at run time means what it means through the backend
// itself.
#include <unistd.h>
#include <fanout/fanout.hpp>

#include <atomic>
#include <memory>
#include <ranges>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/generator.hpp"
#include "support/matchers.hpp"

using fanout::any_backend, fanout::delayed, fanout::parallel, fanout::processes, fanout::sequential, fanout::threads;

namespace {

int square(int i) { return i * i; }

const std::vector<int> squares{0, 1, 4, 9, 16};

struct counting {
    static constexpr const char* name = "counting";
    std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);

    void run(fanout::job& work, int n_jobs) const {
        ++*calls;
        sequential().run(work, n_jobs);
    }
};

struct nameless {
    std::unique_ptr<int> cannot_be_copied = {};

    void run(fanout::job& work, int n_jobs) const { sequential().run(work, n_jobs); }
};

std::vector<any_backend> all() { return {any_backend(), threads{}, sequential{}, processes{}, counting{}, nameless{}}; }

template <class F>
std::string refusal(const any_backend& backend, F f) {
    try {
        parallel(2, backend)(delayed(f), std::views::iota(0, 3));
    } catch (const std::invalid_argument& e) {
        return e.what();
    }
    return "none";
}

}  // namespace

TEST_CASE("every backend gives the same through an any_backend, in every form of call", "[any_backend]") {
    for (const any_backend& backend : all()) {
        CAPTURE(backend.name());
        CHECK(parallel(2, backend)(delayed(square), std::views::iota(0, 5)) == squares);
        CHECK(parallel({.n_jobs = 2}, backend)(delayed(square), std::views::iota(0, 5)) == squares);
        CHECK(parallel(backend)(delayed(square), generate(5, [](int i) { return i; })) == squares);
        const auto kept = parallel(2, backend);
        CHECK(kept(delayed(square), std::views::iota(0, 5)) == squares);
        CHECK(kept(delayed(square), std::views::iota(0, 5)) == squares);
        CHECK(kept(delayed(square)(3), delayed(std::plus<>())(std::string("a"), "b")) == std::tuple(9, "ab"));
        const auto outcomes = kept.outcomes(delayed([](int i) { return i == 1 ? throw std::domain_error("one") : i; }),
                                            std::views::iota(0, 3));
        CHECK(*outcomes[2] == 2);
        CHECK(outcomes[1].error().type == "std::domain_error");
        CHECK(outcomes[1].error().backend == backend.name());
        CHECK_THROWS_AS(parallel(2, backend)(delayed([](int) { throw std::domain_error("no"); }), squares),
                        std::domain_error);
    }
}

TEST_CASE("it knows at run time what it holds", "[any_backend]") {
    CHECK(std::string(any_backend().name()) == "threads");
    CHECK(std::string(any_backend(processes{}).name()) == "processes");
    CHECK(std::string(any_backend(counting{}).name()) == "counting");
    CHECK(std::string(any_backend(nameless{}).name()) == "your backend");
    CHECK_FALSE(any_backend().leaves_the_process());
    CHECK_FALSE(any_backend(sequential{}).leaves_the_process());
    CHECK(any_backend(processes{}).leaves_the_process());
}

TEST_CASE("tasks run where the backend that it holds runs them", "[any_backend]") {
    const auto pids = [](const any_backend& backend) {
        const auto all = parallel(2, backend)(delayed([](int) { return getpid(); }), std::views::iota(0, 20));
        return std::set<pid_t>(all.begin(), all.end());
    };
    CHECK(pids(threads{}) == std::set<pid_t>{getpid()});
    CHECK(pids(processes{}).count(getpid()) == 0);

    const counting mine;
    parallel(2, any_backend(mine))(delayed(square), squares);
    CHECK(*mine.calls == 1);
}

TEST_CASE("options of the backend that it holds are kept", "[any_backend]") {
    const any_backend once = processes{.retries = 0};
    const any_backend copy = once;
    const auto outcomes = parallel(1, copy).outcomes(delayed([](int i) { return i == 0 ? _exit(3), 0 : i; }), squares);
    CHECK(outcomes[0].error().attempts == 1);
    CHECK(*outcomes[3] == 9);
}

TEST_CASE("a kept object keeps the threads of the backend that it holds", "[any_backend]") {
    for (const any_backend& backend : {any_backend(), any_backend(threads{})}) {
        const auto run = parallel(2, backend);
        const auto helpers = [&] {
            std::atomic<int> there = 0;
            const auto ids = run(delayed([&](int) {
                                     ++there;
                                     while (there < 2) std::this_thread::yield();
                                     return std::this_thread::get_id();
                                 }),
                                 std::views::iota(0, 2));
            return std::set<std::thread::id>(ids.begin(), ids.end());
        };
        const auto first = helpers();
        CHECK(first.size() == 2);
        CHECK(helpers() == first);
    }
}

TEST_CASE("results that cannot be sent work as long as the backend stays in the process", "[any_backend]") {
    int here = 5;
    for (const any_backend& backend : {any_backend(), any_backend(threads{}), any_backend(sequential{})}) {
        const auto pointers = parallel(2, backend)(delayed([&](int) { return &here; }), std::views::iota(0, 3));
        CHECK(pointers == std::vector<int*>(3, &here));
        const auto threads_of_mine =
            parallel(2, backend)(delayed([](int) { return std::make_unique<std::thread>(); }), std::views::iota(0, 3));
        CHECK(threads_of_mine.size() == 3);
        CHECK(std::get<0>(parallel(2, backend)(delayed([&] { return &here; })())) == &here);
    }
}

TEST_CASE("with a backend that leaves the process they are an error in the compiler's words", "[any_backend][errors]") {
    CHECK(refusal(processes{}, [](int i) { return new int(i); }) ==
          "fanout: int* cannot be sent to another process: a pointer means nothing in another process: hold the value, "
          "or a std::unique_ptr to it");
    const auto calls = [](const any_backend& backend) {
        return parallel(2, backend)(delayed(square)(1), delayed([] { return std::string_view("a"); })());
    };
    CHECK_THROWS_WITH(calls(processes{}), containing("a view means nothing in another process"));
    CHECK_THROWS_AS(calls(processes{}), std::invalid_argument);

    // Elements are sent only if they can be read but once.
    int number = 1;
    const std::vector<int*> pointers{&number};
    const auto read = [](int* at) { return *at; };
    CHECK(parallel(2, any_backend(processes{}))(delayed(read), pointers) == std::vector{1});
    CHECK_THROWS_WITH(parallel(2, any_backend(processes{}))(delayed(read), generate(1, [&](int) { return &number; })),
                      containing("int*"));
}
