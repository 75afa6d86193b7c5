// Tests of fed_input.hpp: which worker is sent which task, and what becomes of tasks that nobody will do.
#include <fanout/processes/fed_input.hpp>
#include <fanout/processes/feeder.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include "catch.hpp"
#include "support/portable_job.hpp"

using namespace fanout::detail;

namespace {

class nobody final : public patient {
    bool wait_for_bytes_of(seat&) override { return false; }
    void has_read_from(seat&) override {}
};

/// Three seats in which nobody sits, and an input of `size` short texts.
struct vacant_crew {
    explicit vacant_crew(std::size_t size)
        : job(
              {}, [size](std::size_t i) { return i < size ? std::optional(std::to_string(i)) : std::nullopt; },
              [](const std::string& text) { return text; }) {
        settings.workers = 3;
        job.write_elements_first = [this](std::size_t) { ++read; };
        workers.emplace(*job.portable(), settings, shared_state::measures{.workers = 3, .inboxes = true}, false,
                        reader);
        begin(job);
    }
    ~vacant_crew() { supply.reset(); }  // before the job is gone, from which it reads

    void begin(portable_job& with) {
        supply.emplace(with, *with.portable(), workers->parent_bell(), 6);
        supply->start();
        input.emplace(*supply, *with.portable(), *workers);
    }

    template <class Done>
    bool hand_out_until(const Done& done) {
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (!done()) {
            if (std::chrono::steady_clock::now() > until) return false;
            input->hand_out();
            std::this_thread::yield();
        }
        return true;
    }

    /// However they are shared out: a seat may get two while the next task is still being read.
    std::size_t handed_out() const {
        std::size_t tasks = 0;
        for (const seat& each : workers->seats()) tasks += std::size_t(!each.sent.empty()) + !each.sent.wants_more();
        return tasks;
    }

    std::size_t with_a_task() const {
        std::size_t seats = 0;
        for (const seat& each : workers->seats()) seats += !each.sent.empty();
        return seats;
    }

    std::atomic<int> read = 0;
    nobody reader;
    portable_job job;
    process_settings settings;
    std::optional<crew> workers;
    std::optional<feeder> supply;
    std::optional<fed_input> input;
};

}  // namespace

TEST_CASE("everybody gets one task before anybody gets two, and nobody three", "[fed_input]") {
    vacant_crew three(20);
    while (three.read < 4) std::this_thread::yield();  // three are waiting
    REQUIRE(three.hand_out_until([&] { return three.with_a_task() == 3; }));
    REQUIRE(three.hand_out_until([&] {
        for (const seat& each : three.workers->seats())
            if (each.sent.wants_more()) return false;
        return true;
    }));
    std::size_t sum = 0;
    for (const seat& each : three.workers->seats()) sum += each.sent.current()->index;
    CHECK(sum == 0 + 1 + 2);
    CHECK_FALSE(three.input->is_done());
    three.input->give_back(std::make_exception_ptr(1));
}

TEST_CASE("an input is done when it has ended and all its tasks have come back", "[fed_input]") {
    vacant_crew three(1);
    REQUIRE(three.hand_out_until([&] { return three.with_a_task() == 1; }));
    CHECK_FALSE(three.input->is_done());
    for (seat& each : three.workers->seats()) {
        CHECK(three.input->needs(each));
        if (each.sent.current()) each.sent.finish_current();
    }
    REQUIRE(three.hand_out_until([&] { return three.input->is_done(); }));
    three.input->hand_out();
    CHECK(three.workers->shared().header().no_more_input == 1);
    for (const seat& each : three.workers->seats()) CHECK_FALSE(three.input->needs(each));
}

TEST_CASE("tasks that have been read and that nobody will do fail with the reason", "[fed_input]") {
    vacant_crew three(4);
    REQUIRE(three.hand_out_until([&] { return three.handed_out() == 4; }));
    three.input->give_back(std::make_exception_ptr(std::domain_error("the pool is broken")));
    three.supply.reset();
    for (std::size_t i = 0; i < 4; ++i) {
        REQUIRE(three.job.failures[i]);
        CHECK(three.job.failures[i]->type == "std::domain_error");
        CHECK(three.job.failures[i]->what == "the pool is broken");
    }
}

TEST_CASE("elements that cannot be written fail their task, and the rest goes on", "[fed_input]") {
    vacant_crew three(0);
    portable_job job(
        {}, [](std::size_t i) { return i < 3 ? std::optional(std::to_string(i)) : std::nullopt; },
        [](const std::string& text) { return text; });
    job.write_elements_first = [](std::size_t i) {
        if (i == 1) throw std::length_error("too long");
    };
    three.begin(job);
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (three.handed_out() < 2 && std::chrono::steady_clock::now() < until) three.input->hand_out();
    CHECK(three.handed_out() == 2);
    REQUIRE(job.failures[1]);
    CHECK(job.failures[1]->what == "too long");
    three.input->give_back(std::make_exception_ptr(1));
    three.supply.reset();
}
