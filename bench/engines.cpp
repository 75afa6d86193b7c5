// Workers that real engines place. Prints JSON of seconds.
//
// bench_engines spark MASTER SPARK-SUBMIT    small tasks and long results on two executors, as spark_peer.py does it
// bench_engines slurm                        in a job of Slurm: the first result of a call, beside `srun true`
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fanout/engines.hpp>
#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
#include <ranges>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

double seconds_since(clock_type::time_point begun) {
    return std::chrono::duration<double>(clock_type::now() - begun).count();
}

double median_of(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

/// Seconds of a call, the median of three.
template <class Call>
double timed(const Call& call) {
    std::vector<double> took;
    for (int round = 0; round < 3; ++round) {
        const auto begun = clock_type::now();
        call();
        took.push_back(seconds_since(begun));
    }
    return median_of(took);
}

void on_spark(const char* master, const char* submit) {
    const auto workers = fanout::spark{.master = master, .conf = {"spark.executor.memory=600m"}, .submit = submit};
    const auto run = fanout::parallel(2, fanout::tcp{.workers = workers, .wait_for_workers = 2});
    const auto first = [](int count) { return std::views::iota(0, count); };

    const auto begun = clock_type::now();
    run(fanout::delayed([](int i) { return i; }), first(2));
    const double first_call = seconds_since(begun);
    const double short_tasks =
        timed([&] { run(fanout::delayed([](int) { std::this_thread::sleep_for(10ms); }), first(1000)); });
    const double long_results = timed([&] {
        if (run(fanout::delayed([](int) { return std::string(1'000'000, 'x'); }), first(200)).size() != 200)
            std::abort();
    });
    std::printf("{\"first_call\": %g, \"1000 tasks of 10 ms\": %g, \"200 results of 1 MB\": %g}\n", first_call,
                short_tasks, long_results);
}

/// In turns, since a daemon of Slurm may be busy for a while with what was before.
void on_slurm() {
    constexpr int rounds = 21;
    std::vector<double> results, steps;
    for (int round = 0; round < rounds; ++round) {
        auto begun = clock_type::now();
        {
            const auto run = fanout::parallel(1, fanout::tcp{.workers = fanout::slurm{}});
            run(fanout::delayed([](int i) { return i; }), std::views::iota(0, 1));
            results.push_back(seconds_since(begun));
        }
        begun = clock_type::now();
        if (std::system("srun --overlap -n 1 true") != 0) std::abort();
        steps.push_back(seconds_since(begun));
    }
    std::printf("{\"first result\": %g, \"srun true\": %g}\n", median_of(results), median_of(steps));
}

}  // namespace

int main(int argc, char** argv) {
    if (const auto status = fanout::worker_entry(argc, argv)) return *status;
    const std::string engine = argc > 1 ? argv[1] : "";
    if (engine == "spark" && argc == 4) {
        on_spark(argv[2], argv[3]);
    } else if (engine == "slurm") {
        on_slurm();
    } else {
        std::fputs("usage: bench_engines slurm | spark MASTER SPARK-SUBMIT\n", stderr);
        return 2;
    }
}
