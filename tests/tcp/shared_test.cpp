#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/matchers.hpp"
#include "support/sanitizers.hpp"
#include "support/tests_with_workers.hpp"

using namespace fanout;

/// Counts how often it is read, in the process where that happens.
struct counted {
    std::vector<int> values;
    static inline int reads = 0;
};
template <>
struct fanout::codec<counted> {
    static void write(writer& to, const counted& value) { to(value.values); }
    static counted read(reader& from) {
        ++counted::reads;
        return {from.read<std::vector<int>>()};
    }
};

struct unreadable {
    int x = 0;
};
template <>
struct fanout::codec<unreadable> {
    static void write(writer& to, const unreadable& value) { to(value.x); }
    static unreadable read(reader&) { throw std::range_error("it cannot be read"); }
};

TEST_CASE("a reference is the value itself where the value is") {
    const shared text(std::string("shared"));
    CHECK(*text == "shared");
    CHECK(text->size() == 6);
    CHECK(&*text.ref() == &*text);
    CHECK(text.ref()->size() == 6);
    CHECK(parallel(2)(delayed([text = text.ref()](int i) { return (*text)[static_cast<std::size_t>(i)]; }),
                      std::vector{0, 5}) == std::vector{'s', 'd'});
}

TEST_CASE("the values that a function refers to are found in its bytes") {
    const shared a(1), b(2);
    const auto bytes_of_function = [](const auto& f) {
        const auto bytes = detail::bytes_of(f);
        return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    };
    CHECK(detail::shared_values_in(bytes_of_function([](int) {})).empty());
    const double other = 1.5;
    const auto both = [a = a.ref(), other, b = b.ref(), again = a.ref()](int i) {
        return i + *a + *b + *again + other;
    };
    CHECK(detail::shared_values_in(bytes_of_function(both)).size() == 2);
    CHECK(both(1) == 6.5);
}

TEST_CASE("a value that is gone is said to be gone") {
    const auto gone = [] {
        const shared value(1);
        return value.ref();
    }();
    CHECK_THROWS_AS(*gone, std::logic_error);
}

TEST_CASE("a shared value is read once in a worker, and is there in all its tasks and later calls") {
    const auto cluster = parallel(2, tcp{});
    const shared table(counted{{10, 20, 30}});
    const shared more(counted{{1}});
    for (int call = 0; call < 3; ++call) {
        const auto reads = cluster(delayed([table = table.ref()](int i) {
                                       return std::pair(table->values[static_cast<std::size_t>(i % 3)], counted::reads);
                                   }),
                                   std::views::iota(0, 30));
        for (std::size_t i = 0; i < 30; ++i) {
            CHECK(reads[i].first == static_cast<int>(i % 3 + 1) * 10);
            CHECK(reads[i].second == 1);
        }
    }
    const auto both = cluster(delayed([table = table.ref(), more = more.ref()](int) {
                                  return table->values[0] + more->values[0] + 1000 * counted::reads;
                              }),
                              std::views::iota(0, 4));
    CHECK(both == std::vector{2011, 2011, 2011, 2011});
}

TEST_CASE("a shared value that cannot be read in a worker takes no other along") {
    const auto cluster = parallel(1, tcp{});
    const shared bad(unreadable{1});
    const shared good(std::vector{7});
    const auto both = delayed([bad = bad.ref(), good = good.ref()](int) { return bad->x + (*good)[0]; });
    CHECK_THROWS_WITH(cluster(both, std::vector{1}), containing("cannot be read"));
    CHECK(cluster(delayed([good = good.ref()](int i) { return i + (*good)[0]; }), std::vector{1}) == std::vector{8});
}

/// Cannot be read the first time, in each process.
struct unreadable_at_first {
    int x = 0;
};
template <>
struct fanout::codec<unreadable_at_first> {
    static void write(writer& to, const unreadable_at_first& value) { to(value.x); }
    static unreadable_at_first read(reader& from) {
        static int reads = 0;
        if (reads++ == 0) throw std::range_error("it cannot be read yet");
        return {from.read<int>()};
    }
};

TEST_CASE("a value that could not be read is sent again with the next call") {
    const shared value(unreadable_at_first{7});
    const auto cluster = parallel(1, tcp{});
    const auto task = delayed([value = value.ref()](int i) { return value->x + i; });
    CHECK_THROWS_WITH(cluster(task, std::vector{1}), containing("cannot be read yet"));
    CHECK(cluster(task, std::vector{1}) == std::vector{8});
}

/// The first worker that reads it takes its time, and fails.
struct slow_to_fail {
    std::string flag;
};
template <>
struct fanout::codec<slow_to_fail> {
    static void write(writer& to, const slow_to_fail& value) { to(value.flag); }
    static slow_to_fail read(reader& from) {
        slow_to_fail value{from.read<std::string>()};
        if (unlink(value.flag.c_str()) == 0) {
            usleep(700'000);
            throw std::range_error("no memory just now");
        }
        return value;
    }
};

TEST_CASE("a worker that fails to read a value when its call is over does not hold up the next call") {
    const std::string flag = "/tmp/fanout-test-flag-" + std::to_string(getpid());
    close(open(flag.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    const shared value(slow_to_fail{flag});
    const auto cluster = parallel(4, tcp{.wait_for_workers = 4});
    CHECK(cluster(delayed([](int i) { return i; }), std::views::iota(0, 8)).size() == 8);
    const auto task = delayed([value = value.ref()](int microseconds) {
        usleep(static_cast<unsigned>(microseconds));
        return value->flag.size();
    });
    CHECK(cluster(task, std::vector(60, 2000)).size() == 60);  // by the other three
    try {
        const auto results = cluster(task, std::vector(4, 100'000));
        CHECK(results.size() == 4);
    } catch (const serialization_error&) {  // it was this call's turn to hear of it
    }
    CHECK(cluster(task, std::vector(60, 2000)).size() == 60);
}

/// Of 50 MB, which take five seconds to read: for three of them more waits than a worker lets in.
struct slow_to_read {
    std::vector<std::string> parts;
};
template <>
struct fanout::codec<slow_to_read> {
    static void write(writer& to, const slow_to_read& value) { to(value.parts); }
    static slow_to_read read(reader& from) {
        slow_to_read value;
        for (auto count = from.read<std::uint64_t>(); count > 0; --count) {
            value.parts.push_back(from.read<std::string>());
            usleep(100'000);
        }
        return value;
    }
};

TEST_CASE("a worker that is to leave while it reads a value does the tasks that wait behind it") {
    const shared value(slow_to_read{std::vector(45, std::string(1'100'000, 'x'))});
    const auto cluster = parallel(1, tcp{.retries = 0});
    const int worker = cluster(delayed([](int) { return static_cast<int>(getppid()); }), std::vector{0})[0];
    std::thread tells([worker] {
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
        kill(worker, SIGTERM);
    });
    CHECK(cluster(delayed([value = value.ref()](int i) { return value->parts.size() + static_cast<std::size_t>(i); }),
                  std::vector{1}) == std::vector<std::size_t>{46});
    tells.join();
}

// The thread sanitizer allows no new threads in a process that was forked from one with threads.
#if !FANOUT_TESTS_UNDER_TSAN

TEST_CASE("a task may make shared values of its own, and they are not the caller's") {
    const shared callers(std::vector{10, 20, 30});
    const auto sums = parallel(1, tcp{})(delayed([callers = callers.ref()](int i) {
                                             const shared own(std::string("a task's"));
                                             static const shared kept(3.5);
                                             const auto nested = parallel(1, tcp{})(
                                                 delayed([own = own.ref(), kept = kept.ref()](int x) {
                                                     return x + static_cast<int>(own->size()) + static_cast<int>(*kept);
                                                 }),
                                                 std::vector{100});
                                             return (*callers)[static_cast<std::size_t>(i)] + nested[0];
                                         }),
                                         std::vector{0, 1, 2});
    CHECK(sums == std::vector{121, 131, 141});
}

TEST_CASE("a task may hand a shared value on to a call of its own") {
    const shared table(std::vector{10, 20, 30});
    const auto sums = parallel(1, tcp{})(
        delayed([table = table.ref()](int i) {
            const auto nested = parallel(1, tcp{})(
                delayed([table](int j) { return (*table)[static_cast<std::size_t>(j)]; }), std::vector{i, i + 1});
            return nested[0] + nested[1];
        }),
        std::vector{0, 1});
    CHECK(sums == std::vector{30, 50});
}

#endif

TEST_CASE("a value that is gone is gone in the workers too") {
    const auto cluster = parallel(1, tcp{});
    const auto number = [](const auto& f) { return detail::bytes_of(f).size(); };
    std::uint64_t gone = 0;
    {
        const shared value(std::vector(1000, 7));
        const auto first = delayed([value = value.ref()](int i) { return (*value)[static_cast<std::size_t>(i)]; });
        CHECK(cluster(first, std::vector{1, 2}) == std::vector{7, 7});
        CHECK(number(first.function()) == 16);
        gone = detail::shared_values_in(std::string(reinterpret_cast<const char*>(&first), sizeof first)).front();
    }
    const auto is_there =
        cluster(delayed([gone](int) { return detail::shared_values::find(gone) != nullptr; }), std::vector{1, 2});
    CHECK(is_there == std::vector{false, false});
}

TEST_CASE("functors may hold references to shared values too") {
    struct lookup {
        shared_ref<std::vector<int>> table;
        std::string name;
        std::string operator()(int i) const { return name + std::to_string((*table)[static_cast<std::size_t>(i)]); }
    };
    const shared table(std::vector{7, 8});
    CHECK(parallel(1, tcp{})(delayed(lookup{table.ref(), "x"}), std::vector{1, 0}) ==
          std::vector<std::string>{"x8", "x7"});
}
