#include <fanout/tcp/registered_function.hpp>

#include <chrono>
#include <fanout/fanout.hpp>
#include <fanout/launch/child_program.hpp>
#include <fanout/tcp.hpp>
#include <list>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/matchers.hpp"
#include "support/tests_with_workers.hpp"
#include "tcp/builds/named_functions.hpp"

using namespace fanout;
using namespace std::chrono_literals;

static double of_another_form(double x) { return x; }
FANOUT_REGISTER("of another form", of_another_form);
static int only_in_the_coordinator(int x) { return x; }
FANOUT_REGISTER("only in the coordinator", only_in_the_coordinator);
static int first_of_two(int x) { return x; }
static int second_of_two(int x) { return x + 1; }
FANOUT_REGISTER("two of them", first_of_two);
FANOUT_REGISTER("two of them", second_of_two);
static int without_name(int x) { return x; }

/// Starts another build of a program as the only worker.
class another_build {
public:
    explicit another_build(const char* program) : program_(program) {
        const detail::descriptor free = detail::listen_at({"127.0.0.1", "0"}, true);
        how.listen = "127.0.0.1:" + detail::port_of(free);
        how.workers = external{.key_file = key_, .quiet = true};
        how.patience = 20s;
    }

    template <class Call>
    auto while_it_works(const Call& call) {
        std::jthread starter([this] {
            while (::access(key_.c_str(), R_OK) != 0) std::this_thread::sleep_for(1ms);
            if (worker_.start({program_, "--fanout-worker", how.listen, "--key-file", key_}, "X=1", "") != 0)
                std::abort();
        });
        return call();
    }

    /// When the call is over.
    int exit_code() {
        if (!worker_.wait_for_end(30'000)) return -1;
        return WIFEXITED(worker_.status()) ? WEXITSTATUS(worker_.status()) : -2;
    }

    tcp how;

private:
    std::string program_;
    std::string key_ = "/tmp/fanout-test-build-" + std::to_string(getpid());
    detail::child_program worker_;
};

TEST_CASE("a function has a key of its name, its parameters and its result") {
    const auto* const entry = detail::registered_as<double (*)(double), double>(half_of);
    REQUIRE(entry);
    CHECK(entry->key() == "half(double:8;)double");
    CHECK(detail::registered_function::find(entry->key()) == entry);
    CHECK(!detail::registered_function::find("half()double"));
    CHECK(detail::registered_as<std::remove_const_t<decltype(squared)>, int>(squared));
    CHECK(!detail::registered_as<int (*)(int), int>(without_name));
    CHECK(!detail::registered_as<double (*)(double), std::string>(half_of));
}

TEST_CASE("two functions of one name and one form are an error where they are called") {
    try {
        parallel(1, tcp{})(delayed(first_of_two), std::vector{1});
        FAIL("it ran");
    } catch (const serialization_error& e) {
        CHECK_THAT(e.what(), containing("two functions are registered as two of them(int:4;)int"));
    }
}

TEST_CASE("workers of the same build run functions by name too, and elements are converted on the way") {
    const auto cluster = parallel(2, tcp{});
    CHECK(cluster(delayed(half_of), std::vector{1, 2, 3}) == std::vector{0.5, 1.0, 1.5});
    CHECK(cluster(delayed(squared), std::list<short>{2, 3}) == std::vector<long>{4, 9});
    CHECK(cluster(delayed(joined), std::vector<std::string>{"a", "b"}, std::vector<short>{1, 2}) ==
          std::vector<std::string>{"a1", "b2"});
    std::vector<int> changed{1};
    cluster(delayed(nothing_of), changed);
}

TEST_CASE("a worker of another build runs what both know by name") {
    another_build other(FANOUT_TESTS_OTHER_BUILD);
    other.while_it_works([&] {
        const auto cluster = parallel(1, other.how);
        CHECK(cluster(delayed(half_of), std::vector{1, 2, 3}) == std::vector{0.5, 1.0, 1.5});
        CHECK(cluster(delayed(squared), std::vector{7}) == std::vector{49L});
        const auto outcomes =
            cluster.outcomes(delayed(joined), std::vector<std::string>{"a", "b"}, std::vector{12, 13});
        CHECK(*outcomes[0] == "a12");
        CHECK(outcomes[1].error().type == "std::out_of_range");
        CHECK(outcomes[1].error().what == "thirteen");
    });
    CHECK(other.exit_code() == 0);
}

TEST_CASE("what the other build does not know, it does not run, and the call says why") {
    another_build other(FANOUT_TESTS_OTHER_BUILD);
    other.how.patience = 1s;
    const auto failure_of = [&](auto function) {
        return other.while_it_works([&]() -> std::string {
            try {
                parallel(1, other.how)(delayed(function), std::vector{1});
                return "it ran";
            } catch (const pool_broken& e) {
                return e.what();
            }
        });
    };
    SECTION("a function without a name") {
        CHECK_THAT(failure_of(without_name), containing("has no name that another build knows; FANOUT_REGISTER"));
    }
    SECTION("a name that it has not") {
        CHECK_THAT(failure_of(only_in_the_coordinator),
                   containing("has registered no function as only in the coordinator(int:4;)int"));
    }
    SECTION("a name that means a function of another form there") {
        CHECK_THAT(failure_of(of_another_form), containing("has registered no function as of another form(double:8;)"));
    }
    CHECK(other.exit_code() == 0);
}

TEST_CASE("another build that has no functions by name is rejected, and never started again") {
    another_build other(FANOUT_TESTS_BUILD_WITHOUT_NAMES);
    other.how.patience = 1s;
    other.while_it_works(
        [&] { CHECK_THROWS_AS(parallel(1, other.how)(delayed(half_of), std::vector{1}), pool_broken); });
    CHECK(other.exit_code() == 78);
}
