// Tests of backend_names.hpp: backends are found by name, with their options, and users' own too.
#include <unistd.h>
#include <fanout/fanout.hpp>

#include <atomic>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/matchers.hpp"

using fanout::backend, fanout::delayed, fanout::parallel, fanout::register_backend;

namespace {

int square(int i) { return i * i; }

const std::vector<int> squares{0, 1, 4, 9, 16};

struct patient {
    static constexpr const char* name = "patient";
    std::chrono::microseconds patience{};
    void run(fanout::job& work, int n_jobs) const { fanout::sequential().run(work, n_jobs); }
};

struct impatient {
    static constexpr const char* name = "impatient";
    void run(fanout::job& work, int n_jobs) const { fanout::sequential().run(work, n_jobs); }
};

}  // namespace

TEST_CASE("the backends of this machine are found by name", "[backend_names]") {
    for (const std::string name : {"sequential", "threads", "processes"}) {
        CHECK(parallel(2, backend(name))(delayed(square), std::views::iota(0, 5)) == squares);
        CHECK(backend(name).name() == name);
    }
    CHECK(std::string(backend("threads").name()) == "threads");
    CHECK(std::string(backend(std::string_view("threads?spin=0us")).name()) == "threads");
}

TEST_CASE("options in the name reach the backend", "[backend_names]") {
    const auto attempts = [](const char* name) {
        const auto outcomes =
            parallel(1, backend(name)).outcomes(delayed([](int i) { return i == 0 ? _exit(3), 0 : i; }), squares);
        return outcomes[0].error().attempts;
    };
    CHECK(attempts("processes?retries=0") == 1);
    CHECK(attempts("processes?memory_limit=2G&retries=1&max_tasks_per_worker=100&inner_threads=1") == 2);
    CHECK_THROWS_WITH(attempts("processes?retries=-1"), containing("retries = -1 has no meaning"));
}

TEST_CASE("a name that nobody has is an error that lists those there are", "[backend_names][bad-input]") {  // joblib T8
    CHECK_THROWS_AS(backend("quantum"), std::invalid_argument);
    CHECK_THROWS_WITH(backend("quantum"),
                      starting_with("fanout: backend(\"quantum\"): there is no backend of this name; "
                                    "there are: "));
    CHECK_THROWS_WITH(backend("quantum"), containing("processes, sequential, threads"));
    CHECK_THROWS_WITH(backend("quantum"), !containing("did you mean"));
    CHECK_THROWS_WITH(backend("thread"), containing("(did you mean threads?)"));
    CHECK_THROWS_WITH(backend("Processes?retries=0"), containing("(did you mean processes?)"));
    CHECK_THROWS_WITH(backend("processes:retries=0"), containing("; options stand behind a question mark: processes?"));
    CHECK_THROWS_AS(backend(""), std::invalid_argument);
}

TEST_CASE("options that make no sense are errors that show the name", "[backend_names][bad-input]") {
    CHECK_THROWS_WITH(backend("processes?retry=1"),
                      "fanout: backend(\"processes?retry=1\"): the option retry is not known; there are: retries, "
                      "memory_limit, max_tasks_per_worker, inner_threads");
    CHECK_THROWS_WITH(backend("threads?spin=5"), containing("the option spin=5 is not a time with its unit"));
    CHECK_THROWS_WITH(backend("sequential?x=1"), containing("this backend has no options"));
}

TEST_CASE("a user's backend gets a name, and options of its own", "[backend_names]") {  // joblib T46, T48
    using namespace std::chrono_literals;
    std::chrono::microseconds patience{};
    register_backend("patient", [&](fanout::backend_options& given) {
        patient made;
        given.read("patience", made.patience);
        patience = made.patience;
        return made;
    });
    CHECK(parallel(2, backend("patient?patience=20ms"))(delayed(square), std::views::iota(0, 5)) == squares);
    CHECK(patience == 20ms);
    CHECK_THROWS_WITH(backend("patient?x=1"), containing("there are: patience"));
    CHECK_THROWS_WITH(backend("quantum"), containing("patient, processes, sequential, threads"));
}

TEST_CASE("a name that is taken means the new backend from then on", "[backend_names]") {
    register_backend("mine", [] { return impatient(); });
    register_backend("mine", [] { return patient(); });
    CHECK(std::string(backend("mine").name()) == "patient");
    register_backend("given whole", impatient());
    CHECK(std::string(backend("given whole").name()) == "impatient");
    register_backend("mine", [] { return fanout::any_backend(impatient()); });
    CHECK(std::string(backend("mine").name()) == "impatient");
    CHECK_THROWS_WITH(backend("quantum"), !containing("mine, mine"));
}

TEST_CASE("a name that could not be found again is refused", "[backend_names][bad-input]") {
    for (const char* bad : {"", "a?b", "a&b", "a=b"}) {
        CHECK_THROWS_AS(register_backend(bad, [] { return patient(); }), std::invalid_argument);
        CHECK_THROWS_WITH(register_backend(bad, [] { return patient(); }), containing("none of ? & ="));
    }
}

TEST_CASE("backends are registered and found from several threads at once", "[backend_names]") {
    std::atomic<bool> found_all = true;
    std::vector<std::thread> registering;
    for (int t = 0; t < 4; ++t)
        registering.emplace_back([t, &found_all] {
            for (int i = 0; i < 50; ++i) {
                const std::string name = "of thread " + std::to_string(t) + ", " + std::to_string(i);
                register_backend(name, [] { return patient(); });
                if (std::string(backend(name).name()) != "patient") found_all = false;
            }
        });
    for (std::thread& each : registering) each.join();
    CHECK(found_all);
}

TEST_CASE("names are found in worker processes too", "[backend_names]") {
    register_backend("known before the fork", [] { return patient(); });
    const auto sums = parallel(2, backend("processes"))(
        delayed([](int i) {
            return parallel(2, backend("known before the fork"))(delayed(square), std::views::iota(0, i + 1)).back();
        }),
        std::views::iota(0, 5));
    CHECK(sums == squares);
}

TEST_CASE("tcp is written at the call, and whoever names it is told so; a name that is nearly one is found") {
    CHECK_THROWS_WITH(backend("tcp"), containing("backend(\"tcp\"): tcp cannot be chosen as the program runs") &&
                                          containing("write it at the call, parallel(n, tcp{})"));
    CHECK_THROWS_WITH(backend("thread"), containing("(did you mean threads?)"));
    CHECK_THROWS_WITH(backend("process"), containing("(did you mean processes?)"));
    CHECK_THROWS_WITH(backend("processes:retries=0"), containing("; options stand behind a question mark: processes?"));
}
