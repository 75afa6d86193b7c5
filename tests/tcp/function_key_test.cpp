#include <dlfcn.h>

#include <cstdlib>
#include <fanout/core/errors.hpp>
#include <fanout/tcp.hpp>
#include <fanout/tcp/function_key.hpp>
#include <string>

#include "catch.hpp"
#include "support/instead_of_tests.hpp"
#include "support/matchers.hpp"

using namespace fanout::detail;
using fanout::serialization_error;

static constexpr const char* plugins[] = {nullptr, FANOUT_TESTS_PLUGIN_1, FANOUT_TESTS_PLUGIN_2};

/// The plugin that a worker loads is chosen by the environment. Its copy in the tests is loaded by them.
bool run_instead_of_tests(int argc, char** argv, int* status) {
    const char* const wish = std::getenv("FANOUT_TESTS_LOAD_PLUGIN");
    if (argc > 1 && argv[1] == std::string("--fanout-worker") && wish) dlopen(plugins[std::atoi(wish)], RTLD_NOW);
    const auto worker = fanout::worker_entry(argc, argv);
    if (worker) *status = *worker;
    return worker.has_value();
}

template <int N>
struct numbered {
    static int enter() { return N; }
};

static int not_registered() { return 3; }

TEST_CASE("code that is mentioned anywhere may be named from outside") {
    const void* const first = entry_of<numbered<1>>.address();
    const void* const second = entry_of<numbered<2>>.address();
    CHECK(callable_code::contains(first));
    CHECK(callable_code::contains(second));
    CHECK(find_code(place_of_code(first)) == first);
    CHECK(find_code(place_of_code(second)) == second);
}

TEST_CASE("other code may not, and neither may a place that is none") {
    const auto place = place_of_code(reinterpret_cast<const void*>(&not_registered));
    REQUIRE(!place.module.empty());
    CHECK_THROWS_AS(find_code(place), serialization_error);
    CHECK_THROWS_AS(find_code({place.module, place.offset + 1}), serialization_error);
    CHECK_THROWS_AS(find_code({place.module, ~std::uint64_t{0}}), serialization_error);
    CHECK_THROWS_AS(find_code({}), serialization_error);
}

TEST_CASE("the library that the worker has not loaded is named") {
    try {
        static_cast<void>(find_code({"c0ffee", 16}));
        FAIL("found something");
    } catch (const serialization_error& e) {
        const std::string text = e.what();
        CHECK(text.find("c0ffee") != text.npos);
        CHECK(text.find("before worker_entry()") != text.npos);
    }
}

TEST_CASE("a pointer to a function finds that function again, and must point to code") {
    const void* const function = reinterpret_cast<const void*>(&not_registered);
    CHECK(find_function(place_of_function(function)) == function);
    const int local = 0;
    CHECK_THROWS_AS(place_of_function(&local), serialization_error);
    static const int constant = 5;
    CHECK_THROWS_AS(find_function(place_of(loaded_modules(), &constant)), serialization_error);
    CHECK_THROWS_AS(find_function({"c0ffee", 16}), serialization_error);
}

/// What plugin 1 gives for 41, or the text of the error, if its workers have loaded what that says.
static std::string answer_if_workers_load(const char* plugin) {
    void* const loaded = dlopen(plugins[1], RTLD_NOW);
    REQUIRE(loaded);
    const auto answer = reinterpret_cast<int (*)(int)>(dlsym(loaded, "answer_of_plugin"));
    REQUIRE(answer);
    if (plugin) setenv("FANOUT_TESTS_LOAD_PLUGIN", plugin, 1);
    std::string text;
    try {
        text = std::to_string(answer(41));
    } catch (const serialization_error& e) {
        text = e.what();
    }
    unsetenv("FANOUT_TESTS_LOAD_PLUGIN");
    return text;
}

TEST_CASE("tasks of a library that was loaded later run where the worker has loaded it as well") {
    CHECK(answer_if_workers_load("1") == "42");
}

TEST_CASE("a library that only the coordinator has loaded is named, and what to do") {
    CHECK_THAT(answer_if_workers_load(nullptr), containing("lives in libplugin.so (build "));
    CHECK_THAT(answer_if_workers_load(nullptr),
               containing("not loaded in the worker; load it there before worker_entry()"));
}

TEST_CASE("a library that is another build in the worker is named with both builds") {
    const std::string text = answer_if_workers_load("2");
    CHECK_THAT(text, containing("libplugin.so, build "));
    CHECK_THAT(text, containing("the worker has build "));
    CHECK_THAT(text, containing(plugins[2]));
    CHECK_THAT(text, containing("install the same file everywhere"));
}
