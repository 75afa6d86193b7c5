// What the coordinator costs with many workers: they are pretended by another process, which answers at once.
//
// bench_tcp_load [WORKERS [TASKS [FILE.json]]]
#include <malloc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
#include <fstream>
#include <new>
#include <ranges>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace fanout::detail;

/// Many workers at once, each with a connection of its own.
class pretended_workers final : hub_owner {
public:
    /// After some tasks none is answered until `most_open` are waiting, or no more come: all these are open in the
    /// coordinator. `open` will be how many they were.
    pretended_workers(const address& at, int count, std::size_t most_open, std::atomic<std::size_t>& open)
        : at_(at),
          answers_first_(20 * static_cast<std::size_t>(count)),
          most_open_(most_open),
          open_(open),
          hub_(*this) {
        hub_.start();
        for (int i = 0; i < count; ++i) {
            connect();
            while (i >= established_ + 32) usleep(100);  // more strangers at once are not let in
        }
    }
    ~pretended_workers() { hub_.stop(); }

private:
    void connect() {
        conversation talk;
        talk.mine = role::worker;
        talk.security = security_mode::plain;
        std::string why;
        hub_.add(connect_to(at_, 10'000, why), talk);
    }

    void established(const std::shared_ptr<connection>& with) override {
        ++established_;
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
        result.append(got.payload, at);          // the result is the element
        append_raw(result, std::int64_t{1000});  // so short that many are sent ahead
        waiting_.push_back({from, frame{frame_type::result, true, false, false, chunk.first, std::move(result)}});
        newest_ = clock::now();
        if (answers_first_ > 0) {
            --answers_first_;
            answer();
        } else if (open_ > 0 || waiting_.size() >= most_open_) {
            answer_as_open();
        }
    }
    void answer_as_open() {
        if (open_ == 0) open_ = waiting_.size();
        answer();
    }
    void answer() {
        for (auto& each : waiting_) each.to->send(std::move(each.what));
        waiting_.clear();
    }
    void closed(const std::shared_ptr<connection>&, const std::string&, bool) override {
        usleep(1000);
        connect();  // it was turned away, as one of too many
    }
    void tick(clock::time_point now) override {
        if (!waiting_.empty() && now - newest_ > std::chrono::seconds(1)) answer_as_open();
    }

    struct waiting {
        std::shared_ptr<connection> to;
        frame what;
    };
    const address at_;
    std::size_t answers_first_;
    const std::size_t most_open_;
    std::atomic<std::size_t>& open_;
    std::vector<waiting> waiting_;
    clock::time_point newest_;
    std::atomic<int> established_ = 0;
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

/// Watches how much memory is in use, of all that malloc has given, until so many tasks are open as will be.
class heap_watcher {
public:
    explicit heap_watcher(const std::atomic<std::size_t>& open) : open_(open) {}

    std::size_t highest() {
        thread_.request_stop();
        thread_.join();
        return highest_ - before_;
    }

private:
    static std::size_t in_use() {
        const auto used = mallinfo2();
        return used.uordblks + used.hblkhd;
    }

    const std::atomic<std::size_t>& open_;
    const std::size_t before_ = in_use();
    std::size_t highest_ = before_;
    std::jthread thread_{[this](const std::stop_token& stop) {
        while (!stop.stop_requested() && open_ == 0) {
            highest_ = std::max(highest_, in_use());
            usleep(1000);
        }
    }};
};

}  // namespace

int main(int argc, char** argv) {
    const int workers = argc > 1 ? std::atoi(argv[1]) : 10;
    const std::size_t tasks = argc > 2 ? static_cast<std::size_t>(std::atol(argv[2])) : 100'000;
    const rlimit files{4096, 4096};
    setrlimit(RLIMIT_NOFILE, &files);
    mallopt(M_ARENA_MAX, 1);  // mallinfo2 knows of one only

    cluster_settings how;
    how.workers = fanout::external{.quiet = true};
    how.plain = true;
    cluster on(how, workers);
    const std::size_t most_open = 65 * static_cast<std::size_t>(workers);  // one that runs, and 64 ahead
    auto& open = *new (mmap(nullptr, sizeof(std::atomic<std::size_t>), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0)) std::atomic<std::size_t>();
    const pid_t others = fork();
    if (others == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        const pretended_workers all(address::parse(on.addresses()), workers, most_open, open);
        pause();
    }
    if (!on.wait_for_workers(workers, std::chrono::seconds(60))) {
        std::fputs("some of the pretended workers did not come\n", stderr);
        return EXIT_FAILURE;
    }

    const auto run = [&](std::size_t count) {
        const auto results = fanout::parallel({.n_jobs = workers, .batch_size = 1}, on_cluster{&on})(
            fanout::delayed([](std::size_t i) { return i; }), std::views::iota(std::size_t{0}, count));
        bool good = true;
        for (std::size_t i = 0; i < count; ++i) good = good && results[i] == i;
        return good;
    };
    heap_watcher heap(open);
    bool good = run(2 * most_open);
    const double each_open =
        static_cast<double>(heap.highest() - 2 * most_open * sizeof(std::size_t)) / static_cast<double>(open.load());
    const double before = cpu_seconds();
    const auto begun = clock::now();
    good = run(tasks) && good;
    const double used = cpu_seconds() - before;
    const double took = std::chrono::duration<double>(clock::now() - begun).count();
    std::printf("%d workers, %zu tasks: %.2f us of CPU a task, %.0f bytes an open task, results %s\n", workers, tasks,
                used * 1e6 / static_cast<double>(tasks), each_open, good ? "right" : "WRONG");
    if (argc > 3)
        std::ofstream(argv[3]) << "{\"workers\": " << workers
                               << ", \"cpu_us_per_task\": " << used * 1e6 / static_cast<double>(tasks)
                               << ", \"us_per_task\": " << took * 1e6 / static_cast<double>(tasks)
                               << ", \"bytes_per_open_task\": " << each_open << "}\n";
    kill(others, SIGKILL);
    waitpid(others, nullptr, 0);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
