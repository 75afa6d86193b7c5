// Workers on this machine, over TLS: what a call costs, what a task costs, what long results cost.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
#include <fstream>
#include <ranges>
#include <string>
#include <thread>
#include <vector>

#include "first_call.hpp"

namespace {

using fanout::delayed, fanout::parallel, fanout::tcp;

auto first(std::size_t count) { return std::views::iota(std::size_t{0}, count); }

constexpr char ends_at_once[] = "--ends-at-once";

const auto nothing_to_do = delayed([](std::size_t i) { return i; });

/// Two workers are started, run a task each, and end.
void start_and_end_two_workers() { benchmark::DoNotOptimize(parallel(2, tcp{})(nothing_to_do, first(2))); }
void start_of_two_workers(benchmark::State& state) {
    for (auto _ : state) start_and_end_two_workers();
}

/// As often as workers are started for that: this program, which ends at once.
void start_of_two_programs(benchmark::State& state) {
    const std::string program = fanout::detail::own_path();
    for (auto _ : state) {
        for (int i = 0; i < 2; ++i)
            if (fork() == 0) _exit(execl(program.c_str(), program.c_str(), ends_at_once, nullptr));
        while (wait(nullptr) > 0) {
        }
    }
}

void tasks_for_idle_workers(benchmark::State& state, std::size_t count) {
    const auto cluster = parallel(2, tcp{.wait_for_workers = 2});
    benchmark::DoNotOptimize(cluster(nothing_to_do, first(2)));
    for (auto _ : state) benchmark::DoNotOptimize(cluster(nothing_to_do, first(count)));
}
void round_trip(benchmark::State& state) { tasks_for_idle_workers(state, 1); }
void call_of_two_tasks(benchmark::State& state) { tasks_for_idle_workers(state, 2); }

/// A plain connection between two threads, which wait for each other.
struct plain_connection {
    plain_connection() {
        using namespace fanout::detail;
        const descriptor listener = listen_at({"127.0.0.1", "0"}, true);
        std::string why;
        here = connect_to({"127.0.0.1", port_of(listener)}, 1000, why);
        there = descriptor(accept4(listener.number(), nullptr, nullptr, SOCK_CLOEXEC));
        fcntl(here.number(), F_SETFL, 0);
    }

    fanout::detail::descriptor here, there;
};

/// From one thread to another and back, over TCP: what the system takes for the least message.
void byte_there_and_back(benchmark::State& state) {
    const plain_connection between;
    const int here = between.here.number(), there = between.there.number();
    const int at_once = 1;
    for (const int each : {here, there}) setsockopt(each, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    std::thread other([&] {
        char byte = 0;
        while (read(there, &byte, 1) == 1 && write(there, &byte, 1) == 1) {
        }
    });
    char byte = 0;
    for (auto _ : state)
        if (write(here, &byte, 1) != 1 || read(here, &byte, 1) != 1) state.SkipWithError("no connection");
    shutdown(here, SHUT_RDWR);
    other.join();
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

void kilobyte_strings(benchmark::State& state) {
    const auto cluster = parallel(2, tcp{.wait_for_workers = 2});
    const auto count = static_cast<std::size_t>(state.range(0));
    const auto text = delayed([](std::size_t) { return std::string(1000, 'x'); });
    benchmark::DoNotOptimize(cluster(text, first(2)));
    for (auto _ : state) benchmark::DoNotOptimize(cluster(text, first(count)));
}

/// In bytes, as the kernel counts it; the highest since `forget_peak`.
std::size_t peak_memory() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;)
        if (std::size_t kilobytes = 0; word == "VmHWM:" && status >> kilobytes) return kilobytes * 1024;
    return 0;
}
void forget_peak() { std::ofstream("/proc/self/clear_refs") << 5; }

/// Bytes that have been sent to the workers so far, and arrived.
std::size_t bytes_sent() {
    std::size_t all = 0;
    for (int each = 3; each < 256; ++each) {
        // A tcp_info; tcpi_bytes_acked lies behind what glibc's header knows of it.
        std::uint64_t about[32] = {};
        socklen_t size = sizeof about;
        if (getsockopt(each, IPPROTO_TCP, TCP_INFO, about, &size) == 0) all += about[15];
    }
    return all;
}

constexpr std::size_t million = 1'000'000;  // doubles: 8 MB
constexpr std::size_t pieces = 125;         // of 8 MB: 1 GB

void results_of(benchmark::State& state, std::size_t doubles, std::size_t tasks) {
    const auto cluster = parallel(2, tcp{.wait_for_workers = 2});
    const auto piece = delayed([doubles](std::size_t i) { return std::vector<double>(doubles, double(i)); });
    benchmark::DoNotOptimize(cluster(piece, first(2)));
    for (auto _ : state) benchmark::DoNotOptimize(cluster(piece, first(tasks)));
}
void results_of_1_megabyte(benchmark::State& state) { results_of(state, million / 8, 64); }
void sixteen_of_8_megabytes(benchmark::State& state) { results_of(state, million, 16); }
void results_of_100_megabytes(benchmark::State& state) { results_of(state, 100 * million / 8, 2); }

void gigabyte_of_results(benchmark::State& state) {
    const auto cluster = parallel(2, tcp{.wait_for_workers = 2});
    const auto piece = delayed([](std::size_t i) { return std::vector<double>(million, static_cast<double>(i)); });
    benchmark::DoNotOptimize(cluster(piece, first(2)));
    malloc_trim(0);
    forget_peak();
    const std::size_t before = peak_memory();
    std::vector<std::vector<double>> results;  // which the caller has: to free a GB is not a part of getting it
    for (auto _ : state) results = cluster(piece, first(pieces));
    benchmark::DoNotOptimize(results.data());
    constexpr std::size_t whole = pieces * million * sizeof(double);
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(whole));
    state.counters["MB beside the results"] = (static_cast<double>(peak_memory() - before) - whole) / (1 << 20);
}

/// TLS as everybody has it: OpenSSL on a socket that waits.
struct plain_openssl {
    explicit plain_openssl(int socket, bool serves)
        : context(SSL_CTX_new(serves ? TLS_server_method() : TLS_client_method())) {
        SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
        SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
        SSL_CTX_set_num_tickets(context, 0);
        SSL_CTX_set_psk_server_callback(context,
                                        [](SSL*, const char*, unsigned char* key, unsigned) { return key_of(key); });
        SSL_CTX_set_psk_client_callback(context,
                                        [](SSL*, const char*, char* name, unsigned, unsigned char* key, unsigned) {
                                            std::strcpy(name, "bench");
                                            return key_of(key);
                                        });
        tls = SSL_new(context);
        SSL_set_fd(tls, socket);
        if ((serves ? SSL_accept(tls) : SSL_connect(tls)) != 1) std::abort();
    }
    plain_openssl(const plain_openssl&) = delete;
    plain_openssl& operator=(const plain_openssl&) = delete;
    ~plain_openssl() {
        SSL_free(tls);
        SSL_CTX_free(context);
    }

    static unsigned key_of(unsigned char* key) {
        std::memset(key, 'k', 32);
        return 32;
    }

    SSL_CTX* context;
    SSL* tls = nullptr;
};

/// What the results above are measured against: as many bytes over one connection with the same cipher and nothing
/// else.
void gigabyte_over_one_connection(benchmark::State& state) {
    constexpr std::size_t whole = pieces * million * sizeof(double);
    for (auto _ : state) {
        const plain_connection between;
        std::thread sender([&] {
            const plain_openssl client(between.here.number(), false);
            const std::string piece(256 << 10, 'x');
            for (std::size_t sent = 0; sent < whole; sent += piece.size())
                SSL_write(client.tls, piece.data(), static_cast<int>(piece.size()));
        });
        const plain_openssl server(between.there.number(), true);
        std::vector<char> all(256 << 10);
        for (std::size_t got = 0; got < whole;) {
            const int part = SSL_read(server.tls, all.data(), static_cast<int>(all.size()));
            if (part <= 0) break;
            got += static_cast<std::size_t>(part);
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
        const std::size_t before = bytes_sent();
        benchmark::DoNotOptimize(
            cluster(delayed([table = table.ref()](std::size_t i) { return (*table)[i]; }), first(1000)));
        const std::size_t sent = bytes_sent() - before;
        if (sent < 200'000'000) state.SkipWithError("the kernel does not say how much was sent");
        state.counters["MB sent to two workers"] = static_cast<double>(sent) * 1e-6;
    }
}

/// The caller has 1 GB, which two tasks on two workers read.
void shared_table_of_1000_megabytes(benchmark::State& state) {
    const auto cluster = parallel(2, tcp{.wait_for_workers = 2});
    benchmark::DoNotOptimize(cluster(nothing_to_do, first(2)));
    const std::vector<double> values(125'000'000, 1.0);
    for (auto _ : state) {
        const fanout::shared table(values);
        benchmark::DoNotOptimize(
            cluster(delayed([table = table.ref()](std::size_t i) { return (*table)[i]; }), first(2)));
    }
}

/// Each of the tasks kills the process that runs it, and is not tried again.
void crashes(benchmark::State& state) {
    const auto cluster = parallel(2, tcp{.retries = 0, .wait_for_workers = 2});
    benchmark::DoNotOptimize(cluster(nothing_to_do, first(2)));
    for (auto _ : state)
        benchmark::DoNotOptimize(cluster.outcomes(delayed([](std::size_t) -> int { _exit(1); }),
                                                  first(static_cast<std::size_t>(state.range(0)))));
}

BENCHMARK(first_call)->UseManualTime()->Iterations(10);
BENCHMARK(start_of_two_workers)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(start_of_two_programs)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(round_trip)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(call_of_two_tasks)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(byte_there_and_back)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(empty_tasks)->Arg(100'000)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(empty_tasks_one_by_one)->Arg(100'000)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(kilobyte_strings)->Arg(100'000)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(results_of_1_megabyte)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(results_of_100_megabytes)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(sixteen_of_8_megabytes)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(gigabyte_of_results)->UseRealTime()->Unit(benchmark::kMillisecond)->Iterations(1);
BENCHMARK(gigabyte_over_one_connection)->UseRealTime()->Unit(benchmark::kMillisecond)->Iterations(1);
BENCHMARK(shared_table_of_100_megabytes)->UseRealTime()->Unit(benchmark::kMillisecond)->Iterations(1);
BENCHMARK(shared_table_of_1000_megabytes)->UseRealTime()->Unit(benchmark::kMillisecond)->Iterations(1);
BENCHMARK(crashes)->Arg(10)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace

int main(int argc, char** argv) {
    if (argc == 2 && std::strcmp(argv[1], ends_at_once) == 0) return 0;
    if (const auto status = fanout::worker_entry(argc, argv)) return *status;
    if (made_first_call(argc, argv, start_and_end_two_workers)) return 0;
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    benchmark::RunSpecifiedBenchmarks();
}
