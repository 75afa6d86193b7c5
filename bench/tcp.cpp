// Workers on this machine, over TLS: what a call costs, what a task costs, what long results cost.
#include <benchmark/benchmark.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cstddef>
#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
#include <ranges>
#include <string>
#include <thread>
#include <vector>

namespace {

using fanout::delayed, fanout::parallel, fanout::tcp;

auto first(std::size_t count) { return std::views::iota(std::size_t{0}, count); }

const auto nothing_to_do = delayed([](std::size_t i) { return i; });

/// Two workers are started, run a task each, and end.
void start_of_two_workers(benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(parallel(2, tcp{})(nothing_to_do, first(2)));
}

/// Workers that are there and have nothing to do.
void round_trip(benchmark::State& state) {
    const auto cluster = parallel(2, tcp{.wait_for_workers = 2});
    benchmark::DoNotOptimize(cluster(nothing_to_do, first(2)));
    for (auto _ : state) benchmark::DoNotOptimize(cluster(nothing_to_do, first(1)));
}

void empty_tasks(benchmark::State& state) {
    const auto cluster = parallel(2, tcp{.wait_for_workers = 2});
    benchmark::DoNotOptimize(cluster(nothing_to_do, first(2)));
    for (auto _ : state)
        benchmark::DoNotOptimize(cluster(nothing_to_do, first(static_cast<std::size_t>(state.range(0)))));
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

void empty_tasks_one_by_one(benchmark::State& state) {
    const auto cluster = parallel({.n_jobs = 2, .batch_size = 1}, tcp{.wait_for_workers = 2});
    benchmark::DoNotOptimize(cluster(nothing_to_do, first(2)));
    for (auto _ : state)
        benchmark::DoNotOptimize(cluster(nothing_to_do, first(static_cast<std::size_t>(state.range(0)))));
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

constexpr std::size_t million = 1'000'000;  // doubles: 8 MB
constexpr std::size_t pieces = 125;         // of 8 MB: 1 GB

void gigabyte_of_results(benchmark::State& state) {
    const auto cluster = parallel(2, tcp{.wait_for_workers = 2});
    const auto piece = delayed([](std::size_t i) { return std::vector<double>(million, static_cast<double>(i)); });
    benchmark::DoNotOptimize(cluster(piece, first(2)));
    for (auto _ : state) benchmark::DoNotOptimize(cluster(piece, first(pieces)));
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(pieces * million * sizeof(double)));
}

/// What the results above are measured against: as many bytes over one connection with the same cipher and nothing
/// else.
void gigabyte_over_one_connection(benchmark::State& state) {
    using namespace fanout::detail;
    const std::string piece(256 << 10, 'x');
    constexpr std::size_t whole = pieces * million * sizeof(double);
    for (auto _ : state) {
        int ends[2];
        const descriptor listener = listen_at({"127.0.0.1", "0"}, true);
        std::string why;
        const descriptor out = connect_to({"127.0.0.1", port_of(listener)}, 1000, why);
        const descriptor in(accept4(listener.number(), nullptr, nullptr, SOCK_CLOEXEC));
        ends[0] = in.number();
        ends[1] = out.number();
        const secret_key key = secret_key::fresh();
        const auto flush = [](channel& from, int to) {
            std::size_t size = 0;
            const char* data = from.outgoing(size);
            while (size > 0) {
                pollfd there{to, POLLOUT, 0};
                poll(&there, 1, -1);
                const ssize_t sent = send(to, data, size, MSG_NOSIGNAL);
                if (sent <= 0) continue;
                from.sent(static_cast<std::size_t>(sent));
                data = from.outgoing(size);
            }
        };
        const auto fill = [](channel& to, int from) {
            static thread_local char buffer[256 << 10];
            pollfd there{from, POLLIN, 0};
            poll(&there, 1, -1);
            const ssize_t got = recv(from, buffer, sizeof buffer, 0);
            if (got > 0) to.received(buffer, static_cast<std::size_t>(got));
        };
        std::thread sender([&] {
            secure_channel client(role::worker, key, "");
            while (!client.shake_hands()) {
                flush(client, ends[1]);
                fill(client, ends[1]);
            }
            for (std::size_t sent = 0; sent < whole; sent += piece.size()) {
                client.write(piece.data(), piece.size());
                flush(client, ends[1]);
            }
        });
        secure_channel server(role::coordinator, key, "");
        while (!server.shake_hands()) {
            flush(server, ends[0]);
            fill(server, ends[0]);
        }
        std::vector<char> all(1 << 20);
        for (std::size_t got = 0; got < whole;) {
            const std::size_t part = server.read(all.data(), all.size());
            if (part == 0) fill(server, ends[0]);
            got += part;
        }
        sender.join();
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(whole));
}

void shared_table_of_100_megabytes(benchmark::State& state) {
    const auto cluster = parallel(2, tcp{.wait_for_workers = 2});
    benchmark::DoNotOptimize(cluster(nothing_to_do, first(2)));
    for (auto _ : state) {
        const fanout::shared table(std::vector<double>(12'500'000, 1.0));
        benchmark::DoNotOptimize(
            cluster(delayed([table = table.ref()](std::size_t i) { return (*table)[i]; }), first(1000)));
    }
}

BENCHMARK(start_of_two_workers)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(round_trip)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(empty_tasks)->Arg(100'000)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(empty_tasks_one_by_one)->Arg(100'000)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(gigabyte_of_results)->UseRealTime()->Unit(benchmark::kMillisecond)->Iterations(1);
BENCHMARK(gigabyte_over_one_connection)->UseRealTime()->Unit(benchmark::kMillisecond)->Iterations(1);
BENCHMARK(shared_table_of_100_megabytes)->UseRealTime()->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace

int main(int argc, char** argv) {
    if (const auto status = fanout::worker_entry(argc, argv)) return *status;
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
}
