// Tests of run_record.hpp, trace.hpp and journal.hpp: a trace shows what each worker did, and is good JSON.
#include <fanout/front/run_record.hpp>

#include <fanout/fanout.hpp>

#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/generator.hpp"
#include "support/matchers.hpp"

using fanout::backend, fanout::delayed, fanout::parallel, fanout::processes;
using namespace std::chrono_literals;

namespace {

/// A file that is gone with it.
struct trace_path_here {
    std::string path = (std::filesystem::temp_directory_path() / ("fanout_trace_" + std::to_string(getpid()))).string();
    ~trace_path_here() { std::filesystem::remove(path); }

    std::string text() const {
        std::ostringstream all;
        all << std::ifstream(path).rdbuf();
        return all.str();
    }
};

/// What Python finds: that it is JSON, that slices of one row do not overlap, and in one line "slices rows task ...",
/// with the categories and how often each is there.
std::string checked(const std::string& path) {
    const std::string program = R"(
import collections, json, sys
events = json.load(open(sys.argv[1], encoding="utf-8"))["traceEvents"]
rows = collections.defaultdict(list)
kinds = collections.Counter()
named = {e["tid"] for e in events if e["ph"] == "M" and e["name"] == "thread_name"}
for e in events:
    if e["ph"] != "X": continue
    nanos = lambda us: round(us * 1000)
    rows[e["tid"]].append((nanos(e["ts"]), nanos(e["ts"]) + nanos(e["dur"]), e["args"]["index"]))
    kinds[e["cat"]] += 1
    assert e["tid"] in named, e
    assert nanos(e["args"]["run_us"]) + nanos(e["args"].get("serialize_us", 0)) == nanos(e["dur"]), e
    assert nanos(e["args"]["queue_us"]) == nanos(e["ts"]), e
end = [nanos for e in events if e["ph"] == "i" for nanos in [round(e["ts"] * 1000)]]
assert len(end) == 1
for row in rows.values():
    row.sort()
    assert all(a[1] <= b[0] for a, b in zip(row, row[1:])), "slices overlap"
    assert row[-1][1] <= end[0]
done = sorted(e["args"]["index"] for e in events if e["ph"] == "X" and e["cat"] == "task")
assert done == sorted(set(done)), "a task is there twice"
print(len(rows), *(f"{kind}={count}" for kind, count in sorted(kinds.items())))
)";
    const std::string script = path + ".py", output = path + ".out";
    std::ofstream(script) << program;
    const int status = std::system(("python3 " + script + " " + path + " > " + output + " 2>&1").c_str());
    std::ostringstream said;
    said << std::ifstream(output).rdbuf();
    std::filesystem::remove(script);
    std::filesystem::remove(output);
    INFO(said.str());
    CHECK(status == 0);
    return said.str();
}

template <class Check>
void on_all_backends(const Check& check) {
    for (const int n_jobs : {1, 2})
        for (const char* name : {"sequential", "threads", "processes"}) {
            INFO(name << ", n_jobs = " << n_jobs);
            check(backend(name), n_jobs);
        }
}

}  // namespace

TEST_CASE("a trace has a slice for each task", "[trace]") {
    on_all_backends([](const auto& on, int n_jobs) {
        const trace_path_here file;
        const auto run = parallel({.n_jobs = n_jobs, .trace = file.path}, on);
        run(delayed([](int i) { return i; }), std::views::iota(0, 1000));
        CHECK_THAT(checked(file.path), containing(" task=1000\n"));
        run(delayed([](int i) { return std::to_string(i); }), std::views::iota(0, 300));
        CHECK_THAT(checked(file.path), containing(" task=300\n"));
        run(delayed([](int i) { return i; }), generate(200, [](int i) { return i; }));
        CHECK_THAT(checked(file.path), containing(" task=200\n"));
        for (const int same : run.stream(delayed([](int i) { return i; }), std::views::iota(0, 100))) CHECK(same < 100);
        CHECK_THAT(checked(file.path), containing(" task=100\n"));
        run(delayed([](int i) { return i; }), std::views::iota(0, 0));
        CHECK(checked(file.path) == "0\n");
    });
}

TEST_CASE("each worker has a row", "[trace]") {
    const trace_path_here file;
    const auto slow = delayed([](int i) {
        std::this_thread::sleep_for(2ms);
        return i;
    });
    parallel({.n_jobs = 3, .trace = file.path})(slow, std::views::iota(0, 60));
    CHECK(checked(file.path) == "3 task=60\n");
    CHECK_THAT(file.text(), containing("\"worker 2\""));
    parallel({.n_jobs = 3, .trace = file.path}, processes{})(slow, std::views::iota(0, 60));
    CHECK(checked(file.path) == "3 task=60\n");
    CHECK_THAT(file.text(), containing("\"worker 2, pid "));
}

TEST_CASE("failures are in the trace, also of a call that fails", "[trace]") {
    on_all_backends([](const auto& on, int n_jobs) {
        const trace_path_here file;
        const auto run = parallel({.n_jobs = n_jobs, .trace = file.path}, on);
        const auto task = delayed([](int i) {
            if (i == 7) throw std::domain_error("a \"seven\" \\ \xff \xc3\xa9\n");
            return i;
        });
        CHECK(run.outcomes(task, std::views::iota(0, 20)).size() == 20);
        CHECK_THAT(checked(file.path), containing(" failed=1 task=19\n"));
        CHECK_THAT(file.text(), containing(R"("error":"std::domain_error: a \"seven\" \\ \ufffd é\u000a")"));
        CHECK_THROWS_AS(run(task, std::views::iota(0, 20)), std::domain_error);
        CHECK_THAT(checked(file.path), containing(" failed=1"));
    });
}

TEST_CASE("what is no UTF-8 in a text does not make the trace unreadable", "[trace]") {
    const auto of_trace = [](const std::string& text) {
        const trace_path_here file;
        const auto fails = [&](int) { throw std::domain_error("<" + text + ">"); };
        CHECK(parallel({.n_jobs = 1, .trace = file.path}).outcomes(delayed(fails), std::views::iota(0, 1)).size() == 1);
        checked(file.path);
        const std::string all = file.text();
        const std::size_t begin = all.find('<') + 1;
        return all.substr(begin, all.find('>', begin) - begin);
    };
    // The first and the last characters of two, three and four bytes, and around what is set apart for UTF-16.
    for (const char* const good : {"\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xef\xbf\xbd", "\xf0\x90\x80\x80",
                                   "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf", "\xee\x80\x80"})
        CHECK(of_trace(good) == good);
    CHECK(of_trace("\x80") == "\\ufffd");                        // never the first
    CHECK(of_trace("\xc1\xbf") == "\\ufffd\\ufffd");             // longer than it had to be
    CHECK(of_trace("\xe0\x9f\xbf") == "\\ufffd\\ufffd\\ufffd");  // as this
    CHECK(of_trace("\xf0\x8f\xbf\xbf") == "\\ufffd\\ufffd\\ufffd\\ufffd");
    CHECK(of_trace("\xed\xa0\x80") == "\\ufffd\\ufffd\\ufffd");             // half a pair of UTF-16
    CHECK(of_trace("\xf4\x90\x80\x80") == "\\ufffd\\ufffd\\ufffd\\ufffd");  // beyond the last
    CHECK(of_trace("\xf5\x80\x80\x80") == "\\ufffd\\ufffd\\ufffd\\ufffd");
    CHECK(of_trace("\xe2\x82") == "\\ufffd\\ufffd");  // cut off
    CHECK(of_trace("\xe2\x82x") == "\\ufffd\\ufffdx");
    CHECK(of_trace("\x01\x1f") == "\\u0001\\u001f");
}

TEST_CASE("each attempt of a task whose worker dies is in the trace", "[trace]") {
    const trace_path_here file;
    const auto run = parallel({.n_jobs = 2, .trace = file.path}, processes{.retries = 2});
    const auto deadly = [](int i) {
        if (i == 5) std::_Exit(1);
        return i;
    };
    CHECK_FALSE(run.outcomes(delayed(deadly), std::views::iota(0, 20))[5]);
    CHECK_THAT(checked(file.path), containing(" lost=3 task=19\n"));
    CHECK_THAT(file.text(), containing("\"attempt\":3,\"error\":\"fanout::worker_lost: "));
    // The same with input that is read once.
    CHECK_FALSE(run.outcomes(delayed(deadly), generate(20, [](int i) { return i; }))[5]);
    CHECK_THAT(checked(file.path), containing(" lost=3 task=19\n"));
}

TEST_CASE("a task in a trace is known by its place in the input, whenever it was begun", "[trace]") {
    on_all_backends([](const auto& on, int n_jobs) {
        const trace_path_here file;
        (void)parallel({.n_jobs = n_jobs, .trace = file.path}, on)
            .outcomes(delayed([](int i) {
                          if (i == 3) throw std::runtime_error("three");
                          return i;
                      }).longest_first([](int i) { return i; }),
                      std::views::iota(0, 10));
        CHECK_THAT(checked(file.path), containing(" failed=1 task=9\n"));
        CHECK_THAT(file.text(), containing("\"name\":\"task 3\",\"cat\":\"failed\""));
    });
}

TEST_CASE("a file that cannot be written is an error before anything runs", "[trace][bad-input]") {
    int ran = 0;
    const auto task = delayed([&](int) { ++ran; });
    const fanout::options wishes{.trace = "/nonexistent/run.json"};
    CHECK_THROWS_AS(parallel(wishes)(task, std::views::iota(0, 3)), std::system_error);
    CHECK_THROWS_WITH(parallel(wishes)(task, std::views::iota(0, 3)),
                      containing("fanout: trace = \"/nonexistent/run.json\" cannot be written") &&
                          containing("No such file or directory"));
    CHECK(ran == 0);
}

TEST_CASE("no path is no trace", "[trace]") {
    CHECK(fanout::trace_path().make_recorder() == nullptr);
    CHECK(fanout::trace_path("").make_recorder() == nullptr);
    CHECK(fanout::trace_path("x").make_recorder() != nullptr);
    CHECK(fanout::trace_path("x").text() == "x");
}

TEST_CASE("calls that write the same file at once leave the whole trace of one of them", "[trace]") {
    const trace_path_here file;
    const auto run = parallel({.n_jobs = 2, .trace = file.path});
    const auto call = [&] { run(delayed([](int i) { return i; }), std::views::iota(0, 5000)); };
    {
        const std::jthread other(call);
        call();
    }
    CHECK_THAT(checked(file.path), containing(" task=5000\n"));
}

TEST_CASE("a disk that is full costs the trace and not the results", "[trace][bad-input]") {
    if (access("/dev/full", W_OK) != 0) return;
    const auto results =
        parallel({.n_jobs = 1, .trace = "/dev/full"})(delayed([](int i) { return i; }), std::views::iota(0, 3));
    CHECK(results == std::vector{0, 1, 2});
}
