// Tests of per_worker.hpp: as many objects as workers, and never one for two tasks at once.
#include <fanout/front/parallel.hpp>
#include <fanout/front/per_worker.hpp>
#include <fanout/processes/processes.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <ranges>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/each_backend.hpp"
#include "support/generator.hpp"
#include "support/matchers.hpp"
#include "support/shared_counters.hpp"

using fanout::delayed, fanout::parallel, fanout::per_worker;

namespace {

/// Stays where it is made, and notices when two tasks use it at once.
class scratch {
public:
    static inline std::atomic<int> made = 0;
    static inline std::atomic<int> alive = 0;
    static inline std::atomic<bool> shared = false;
    static void start_over() {
        made = 0;
        shared = false;
    }

    explicit scratch(int) {
        ++made;
        ++alive;
    }
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;
    ~scratch() { --alive; }

    template <class While>
    void use(const While& body) {
        if (in_use_.exchange(true)) shared = true;
        body();
        in_use_ = false;
    }
    void use() {
        use([] { std::this_thread::sleep_for(std::chrono::microseconds(20)); });
    }

private:
    std::atomic<bool> in_use_ = false;
};

auto scratches() {
    scratch::start_over();
    return per_worker<scratch>([] { return scratch(0); });
}

}  // namespace

TEST_CASE("an object is made for each worker, not for each task, and kept from call to call", "[per_worker]") {
    for (const int n_jobs : {1, 2, 20})
        on_each_backend({.n_jobs = n_jobs}, [&](const auto& run) {
            {
                auto objects = scratches();
                const auto task = [&](int) { objects.local().use(); };
                for (int call = 0; call < 5; ++call) {
                    run(delayed(task), std::views::iota(0, 500));
                    run(delayed(task), generate(100, [](int i) { return i; }));
                    run(delayed(task)(1), delayed(task)(2));
                }
                CHECK(scratch::made >= 1);
                CHECK(scratch::made <= n_jobs);
                CHECK_FALSE(scratch::shared);
            }
            CHECK(scratch::alive == 0);
        });
}

TEST_CASE("a worker has the same object in all of its tasks", "[per_worker]") {
    on_each_backend({.n_jobs = 4}, [](const auto& run) {
        per_worker slots([] { return fanout::current_worker()->slot; });
        for (int call = 0; call < 5; ++call) {
            const auto same = run(delayed([&](int) {
                                      std::this_thread::yield();
                                      const int* const mine = &slots.local();
                                      return *mine == fanout::current_worker()->slot && mine == &slots.local();
                                  }),
                                  std::views::iota(0, 200));
            CHECK(same == std::vector(200, true));
        }
    });
}

TEST_CASE("a call inside of a task has other objects than the task, which keeps its own", "[per_worker][nested]") {
    on_each_backend({.n_jobs = 2}, [](const auto& run) {
        auto objects = scratches();
        const auto inner = [&](int) { objects.local().use(); };
        const auto outer = [&](int) {
            scratch& mine = objects.local();
            mine.use([&] { run(delayed(inner), std::views::iota(0, 10)); });
            return &mine == &objects.local();
        };
        CHECK(run(delayed(outer), std::views::iota(0, 50)) == std::vector(50, true));
        CHECK_FALSE(scratch::shared);
        CHECK(scratch::made <= 2 + 2 * 2);
    });
}

TEST_CASE("calls from several threads at once do not share objects", "[per_worker][concurrent]") {
    on_each_backend({.n_jobs = 2}, [](const auto& run) {
        auto objects = scratches();
        {
            std::vector<std::jthread> callers;
            for (int caller = 0; caller < 4; ++caller)
                callers.emplace_back([&] {
                    for (int call = 0; call < 20; ++call)
                        run(delayed([&](int) { objects.local().use(); }), std::views::iota(0, 50));
                });
        }
        CHECK_FALSE(scratch::shared);
        CHECK(scratch::made <= 4 * 2);
    });
}

TEST_CASE("each worker process makes its own, whatever its parent has made before", "[per_worker]") {
    const shared_counters made;
    per_worker pids([&] {
        ++made[0];
        return long(getpid());
    });
    const auto is_own = [&](int) { return pids.local() == long(getpid()); };
    CHECK(parallel(1)(delayed(is_own), std::views::iota(0, 3)) == std::vector(3, true));
    CHECK(made[0] == 1);
    for (int call = 1; call <= 3; ++call) {
        CHECK(parallel(2, fanout::processes{})(delayed(is_own), std::views::iota(0, 200)) == std::vector(200, true));
        CHECK(made[0] <= 1 + 2 * call);
    }
    CHECK(parallel(1)(delayed(is_own), std::views::iota(0, 3)) == std::vector(3, true));

    // Inside of a task that has one, too; and inside of a worker process.
    const auto outer = [&](int) {
        const bool mine = is_own(0);
        return mine &&
               parallel(2, fanout::processes{})(delayed(is_own), std::views::iota(0, 5)) == std::vector(5, true) &&
               is_own(0);
    };
    CHECK(parallel(1)(delayed(outer), std::views::iota(0, 2)) == std::vector(2, true));
    CHECK(parallel(2, fanout::processes{})(delayed(outer), std::views::iota(0, 2)) == std::vector(2, true));
}

TEST_CASE("a child that is forked by hand leaves its parent's objects alone", "[per_worker]") {
    std::optional<per_worker<std::unique_ptr<int>>> objects;
    objects.emplace([] { return std::make_unique<int>(1); });
    const auto set = [&](int value) { *objects->local() = value; };
    parallel(1)(delayed(set), std::views::iota(7, 8));
    const pid_t child = fork();
    if (child == 0) {
        int seen = 0;
        parallel(1)(delayed([&](int) { seen = *objects->local(); }), std::views::iota(0, 1));
        objects.reset();
        _exit(seen);
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WEXITSTATUS(status) == 1);
    parallel(1)(delayed([&](int) { CHECK(*objects->local() == 7); }), std::views::iota(0, 1));
}

TEST_CASE("objects are destroyed by whoever destroys the per_worker, in whatever place", "[per_worker]") {
    struct noted {
        explicit noted(std::set<std::thread::id>& to) : destroyed_in(&to) {}
        noted(const noted&) = delete;
        ~noted() { destroyed_in->insert(std::this_thread::get_id()); }
        std::set<std::thread::id>* destroyed_in;
    };
    std::set<std::thread::id> destroyed_in;
    {
        per_worker<noted> objects([&] { return noted(destroyed_in); });
        parallel(4)(delayed([&](int) { static_cast<void>(objects.local()); }), std::views::iota(0, 100));
        CHECK(destroyed_in.empty());
    }
    CHECK(destroyed_in == std::set{std::this_thread::get_id()});

    // In the middle of the task that uses it, and in a call inside of that.
    auto first = std::make_unique<per_worker<scratch>>([] { return scratch(0); });
    auto second = std::make_unique<per_worker<scratch>>([] { return scratch(0); });
    parallel(1)(delayed([&](int) {
                    first->local().use();
                    second->local().use();
                    first.reset();
                    parallel(1)(delayed([&](int) { second.reset(); }), std::views::iota(0, 1));
                }),
                std::views::iota(0, 1));
    CHECK(scratch::alive == 0);
}

TEST_CASE("an object that cannot be made is the failure of its task, and is tried again by the next", "[per_worker]") {
    on_each_backend({.n_jobs = 1}, [](const auto& run) {
        std::atomic<int> tries = 0;
        per_worker<int> objects([&] {
            if (++tries < 3) throw std::runtime_error("no connection");
            return 5;
        });
        const auto outcomes = run.outcomes(delayed([&](int) { return objects.local(); }), std::views::iota(0, 5));
        CHECK(outcomes[0].error().what == "no connection");
        CHECK(outcomes[1].error().what == "no connection");
        for (std::size_t i = 2; i < 5; ++i) CHECK(outcomes[i].value() == 5);
        CHECK(tries == 3);
    });
}

TEST_CASE("outside of tasks there is no object, and it is said what to do", "[per_worker][bad-input]") {
    per_worker<int> objects;
    CHECK_THROWS_AS(objects.local(), std::logic_error);
    CHECK_THROWS_WITH(objects.local(), containing("outside of a task") && containing("make an object of your own"));
}

TEST_CASE("without a function objects are made empty", "[per_worker]") {
    per_worker<std::string> buffers;
    CHECK(parallel(1)(delayed([&](int i) { return buffers.local().append(std::to_string(i)); }),
                      std::views::iota(0, 3)) == std::vector<std::string>{"0", "01", "012"});
}
