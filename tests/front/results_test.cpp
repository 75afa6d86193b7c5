// What a task may give: anything that can be moved, and nothing is copied that need not be.
#include <fanout/front/parallel.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "catch.hpp"
#include "support/counted.hpp"
#include "support/each_backend.hpp"
#include "support/generator.hpp"

using fanout::delayed, fanout::parallel;

namespace {

struct no_default {
    explicit no_default(int v) : value(v) {}
    int value;
};

struct never_assigned {
    const int value;
};

struct default_throws {
    default_throws() { throw std::runtime_error("default constructor"); }
    explicit default_throws(int v) : value(v) {}
    int value;
};

struct move_throws {
    explicit move_throws(int v) : value(v) {}
    move_throws(move_throws&& moved) : value(moved.value) {
        if (value == 3) throw std::runtime_error("move constructor");
    }
    int value;
};

struct assignment_throws {
    assignment_throws() noexcept = default;
    ~assignment_throws() {}  // or it would be made where it stays, and not assigned
    explicit assignment_throws(int v) : value(v) {}
    assignment_throws(assignment_throws&& moved) noexcept : value(moved.value) {}
    assignment_throws& operator=(assignment_throws&& moved) {
        if (moved.value == 3) throw std::runtime_error("assignment");
        value = moved.value;
        return *this;
    }
    int value = 0;
};

struct big {
    std::array<int, 1000> values;
};

/// Results 0, 1, 2, ... made by `make`, over input that is indexed and input that is read once; `value` reads one.
template <class Run, class Make, class Value>
void come_back_in_order(const Run& run, Make make, Value value) {
    constexpr int size = 500;
    const auto indexed = run(delayed(make), std::views::iota(0, size));
    const auto read_once = run(delayed(make), generate(size, [](int i) { return i; }));
    REQUIRE(indexed.size() == size);
    REQUIRE(read_once.size() == size);
    int right = 0;
    for (int i = 0; i < size; ++i)
        right += value(indexed[static_cast<std::size_t>(i)]) == i && value(read_once[static_cast<std::size_t>(i)]) == i;
    CHECK(right == size);
}

const auto value_of = [](const auto& each) { return each.value; };

}  // namespace

TEST_CASE("results need neither a default constructor nor copies nor assignment", "[results]") {
    on_all_backends({.n_jobs = 2}, [](const auto& run) {
        come_back_in_order(run, [](int i) { return std::make_unique<int>(i); }, [](const auto& p) { return *p; });
        come_back_in_order(run, [](int i) { return no_default(i); }, value_of);
        come_back_in_order(run, [](int i) { return never_assigned{i}; }, value_of);
        come_back_in_order(run, [](int i) { return default_throws(i); }, value_of);
        come_back_in_order(run, [](int i) { return big{{i}}; }, [](const big& each) { return each.values[0]; });
    });
}

TEST_CASE("results may be strings, vectors and const values", "[results]") {
    on_all_backends({.n_jobs = 2}, [](const auto& run) {
        come_back_in_order(run, [](int i) { return std::to_string(i); }, [](const auto& s) { return std::stoi(s); });
        come_back_in_order(run, [](int i) { return std::vector(3, i); }, [](const auto& v) { return v[2]; });
        const auto make_const = [](int i) -> const std::string { return std::to_string(i); };
        STATIC_REQUIRE(
            std::is_same_v<decltype(run(delayed(make_const), std::vector<int>())), std::vector<std::string>>);
        come_back_in_order(run, make_const, [](const auto& s) { return std::stoi(s); });
    });
}

TEST_CASE("bool results do not share words between workers, and come back as a vector<bool>", "[results]") {
    on_all_backends({.n_jobs = 4}, [](const auto& run) {
        const auto odd = [](int i) { return i % 2 == 1; };
        const std::vector<bool> indexed = run(delayed(odd), std::views::iota(0, 100'000));
        const std::vector<bool> read_once = run(delayed(odd), generate(10'000, [](int i) { return i; }));
        REQUIRE(indexed.size() == 100'000);
        REQUIRE(read_once.size() == 10'000);
        std::size_t right = 0;
        for (std::size_t i = 0; i < indexed.size(); ++i) right += indexed[i] == (i % 2 == 1);
        for (std::size_t i = 0; i < read_once.size(); ++i) right += read_once[i] == (i % 2 == 1);
        CHECK(right == 110'000);
    });
}

TEST_CASE("a result that is a reference is copied", "[results]") {
    on_all_backends({.n_jobs = 2}, [](const auto& run) {
        std::vector<std::string> words{"a", "b"};
        const auto same = [](std::string& word) -> std::string& { return word; };
        auto copies = run(delayed(same), words);
        STATIC_REQUIRE(std::is_same_v<decltype(copies), std::vector<std::string>>);
        words[0] = "changed";
        CHECK(copies == std::vector<std::string>{"a", "b"});
        auto [copy] = run(delayed(same)(std::ref(words[1])));
        words[1] = "changed";
        CHECK(copy == "b");
    });
}

TEST_CASE("a result that throws when it is moved or assigned fails its task", "[results][errors]") {
    on_each_backend({.n_jobs = 2}, [](const auto& run) {
        const auto moved = [](int i) -> move_throws&& {
            static thread_local std::optional<move_throws> made;
            return std::move(made.emplace(i));
        };
        CHECK_THROWS_WITH(run(delayed(moved), std::views::iota(0, 10)), "move constructor");
        const auto assigned = [](int i) { return assignment_throws(i); };
        CHECK_THROWS_WITH(run(delayed(assigned), std::views::iota(0, 10)), "assignment");
        CHECK(run(delayed(assigned), std::views::iota(0, 3))[2].value == 2);
        const auto outcomes = run.outcomes(delayed(moved), std::views::iota(0, 5));
        CHECK(outcomes[2].value().value == 2);
        CHECK(outcomes[3].error().what == "move constructor");
    });
}

TEST_CASE("every result that was made is destroyed once, also when tasks fail", "[results][errors]") {
    on_each_backend({.n_jobs = 2}, [](const auto& run) {
        const auto make = [](int i) { return counted(i); };
        const auto fails_at_300 = [](int i) {
            if (i == 300) throw std::runtime_error("300");
            return counted(i);
        };
        const auto numbers = std::views::iota(0, 500);
        const auto once = [](int i) { return i; };
        {
            const auto results = run(delayed(make), numbers);
            const auto read_once = run(delayed(make), generate(500, once));
            auto [a, b] = run(delayed(make)(1), delayed(make)(2));
            CHECK(counted::alive == 1002);
            CHECK(results[499].value == 499);
            CHECK(read_once[499].value == 499);
            CHECK(a.value + b.value == 3);
        }
        CHECK(counted::alive == 0);
        CHECK_THROWS(run(delayed(fails_at_300), numbers));
        CHECK(counted::alive == 0);
        CHECK_THROWS(run(delayed(fails_at_300), generate(500, once)));
        CHECK(counted::alive == 0);
        CHECK_THROWS(run(delayed(make)(1), delayed(fails_at_300)(300)));
        CHECK(counted::alive == 0);
        CHECK(run.outcomes(delayed(fails_at_300), numbers).size() == 500);
        CHECK(run.outcomes(delayed(fails_at_300), generate(500, once)).size() == 500);
        CHECK(counted::alive == 0);
    });
}
