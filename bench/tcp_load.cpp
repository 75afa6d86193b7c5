// What the coordinator costs with many workers: they are pretended by another process, which answers at once.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
#include <ranges>
#include <string>
#include <vector>

namespace {

using namespace fanout::detail;

/// Many workers at once, each with a connection of its own.
class pretended_workers final : hub_owner {
public:
    pretended_workers(const address& at, int count) : hub_(*this) {
        conversation talk;
        talk.mine = role::worker;
        talk.security = security_mode::plain;
        hub_.start();
        std::string why;
        for (int i = 0; i < count; ++i) {
            hub_.add(connect_to(at, 10'000, why), talk);
            if (i % 32 == 31) usleep(50'000);  // not more strangers at once than are let in
        }
    }
    ~pretended_workers() { hub_.stop(); }

private:
    void established(const std::shared_ptr<connection>& with) override {
        with->send(frame_type::hello, 0, packed(hello_message{"pretended", getpid(), "", own_identity(), 1}));
    }
    void received(const std::shared_ptr<connection>& from, frame got) override {
        from->has_used(got.payload.size());
        if (got.type != frame_type::tasks) return;
        chunk_header chunk;
        std::size_t at = 0;
        take_raw(got.payload, at, chunk);
        result_header header;
        header.run = chunk.run;
        header.first = chunk.first;
        std::string result;
        append_raw(result, header);
        result.append(got.payload, at);  // the result is the element
        append_raw(result, std::int64_t{1'000'000});
        from->send(frame_type::result, chunk.first, std::move(result));
    }
    void closed(const std::shared_ptr<connection>&, const std::string&, bool) override {}
    void tick(clock::time_point) override {}

    hub hub_;
};

struct on_cluster {
    static constexpr bool leaves_the_process = true;
    using remote = remote_forms;
    cluster* on;

    void run(fanout::job& work, int n_jobs) const {
        run_settings how;
        how.n_jobs = n_jobs;
        remote_run(work, *work.portable(), remote_tasks_of(work), *on, how).run();
    }
};

double cpu_seconds() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

long resident_megabytes() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    return used.ru_maxrss / 1024;
}

}  // namespace

int main(int argc, char** argv) {
    const int workers = argc > 1 ? std::atoi(argv[1]) : 10;
    const std::size_t tasks = argc > 2 ? static_cast<std::size_t>(std::atol(argv[2])) : 100'000;
    const rlimit files{4096, 4096};
    setrlimit(RLIMIT_NOFILE, &files);

    cluster_settings how;
    how.workers = fanout::external{.quiet = true};
    how.plain = true;
    cluster on(how, workers);
    const pid_t others = fork();
    if (others == 0) {
        const pretended_workers all(address::parse(on.addresses()), workers);
        pause();
    }
    on.wait_for_workers(workers, std::chrono::seconds(60));

    const long memory = resident_megabytes();
    const double before = cpu_seconds();
    const auto results = fanout::parallel({.n_jobs = workers, .batch_size = 1}, on_cluster{&on})(
        fanout::delayed([](std::size_t i) { return i; }), std::views::iota(std::size_t{0}, tasks));
    const double used = cpu_seconds() - before;
    bool good = true;
    for (std::size_t i = 0; i < tasks; ++i) good = good && results[i] == i;
    std::printf("%d workers, %zu tasks: %.2f us of CPU a task, %ld MB more, results %s\n", workers, tasks,
                used * 1e6 / static_cast<double>(tasks), resident_megabytes() - memory, good ? "right" : "WRONG");
    kill(others, SIGKILL);
    waitpid(others, nullptr, 0);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
