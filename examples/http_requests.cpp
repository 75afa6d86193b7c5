// 500 web requests, 20 at a time: threads that wait for a network share a core well.

#include <curl/curl.h>
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fanout/fanout.hpp>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "demo_server.hpp"
#include "stopwatch.hpp"

using fanout::delayed;
using fanout::parallel;
using std::views::take;

class http_error : public std::runtime_error {
public:
    http_error(const std::string& url, long status)
        : std::runtime_error(url + " answered with status " + std::to_string(status)) {}
};

// libcurl hands over a body in pieces.
std::size_t append(const char* piece, std::size_t size, std::size_t count, void* body) {
    static_cast<std::string*>(body)->append(piece, size * count);
    return size * count;
}

// A handle keeps its connections open for the next request.
using curl_handle = std::unique_ptr<CURL, void (*)(CURL*)>;

curl_handle new_handle() {
    curl_handle handle(curl_easy_init(), curl_easy_cleanup);
    if (!handle) throw std::runtime_error("libcurl did not start");
    return handle;
}

std::string get(const std::string& url, CURL* curl) {
    std::string body;
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);  // signals and threads do not mix
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 30L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    const CURLcode result = curl_easy_perform(curl);
    if (result != CURLE_OK) throw std::runtime_error(url + ": " + curl_easy_strerror(result));

    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 400) throw http_error(url, status);
    return body;
}

int main(int argc, char** argv) try {
    const command_line arguments(argc, argv,
                                 "usage: http_requests [--requests N] [--jobs N] [--latency-ms N] [--url URL]\n"
                                 "Without --url, a server inside this program answers, each time after --latency-ms.\n",
                                 {"--requests", "--jobs", "--latency-ms", "--url"});
    const int request_count = arguments.count("--requests", 500);
    const int n_jobs = arguments.jobs(20);
    const std::chrono::milliseconds latency(arguments.count("--latency-ms", 50));
    const std::string given_url = arguments.text("--url", "");

    curl_global_init(CURL_GLOBAL_DEFAULT);  // while there is but one thread
    std::optional<demo_server> server;
    if (given_url.empty()) server.emplace(fanout::effective_n_jobs(n_jobs) + 1, latency);  // 1 for the plain loop

    std::vector<std::string> urls;
    for (int i = 0; i < request_count; ++i) urls.push_back(server ? server->url(i) : given_url);

    const int sample_count = std::min(request_count, 50);  // all of them one by one would take too long
    const stopwatch sample_watch;
    std::vector<std::string> one_by_one;
    const curl_handle handle = new_handle();
    for (int i = 0; i < sample_count; ++i) one_by_one.push_back(get(urls[i], handle.get()));
    const double sample_time = sample_watch.seconds();

    const stopwatch parallel_watch;
    fanout::per_worker handles(new_handle);  // n_jobs of them, and not one for each request
    const std::vector<std::string> bodies =
        parallel(n_jobs)(delayed([&](const std::string& url) { return get(url, handles.local().get()); }), urls);
    const double parallel_time = parallel_watch.seconds();

    bool as_expected = bodies.size() == urls.size() && std::ranges::equal(one_by_one, bodies | take(sample_count));
    for (int i = 0; server && as_expected && i < request_count; ++i) as_expected = bodies[i] == server->page(i);

    const double plain_time = sample_time * request_count / sample_count;
    std::printf("%d requests, %d at a time\n", request_count, fanout::effective_n_jobs(n_jobs));
    std::printf("plain loop  %7.2f s          scaled from %d requests in %.2f s\n", plain_time, sample_count,
                sample_time);
    std::printf("parallel    %7.2f s  %6.2fx\n", parallel_time, plain_time / parallel_time);
    std::printf("bodies as expected, in order: %s\n", as_expected ? "yes" : "no");

    const bool may_change = !given_url.empty();  // somebody else's page need not be the same each time
    return as_expected || may_change ? EXIT_SUCCESS : EXIT_FAILURE;
} catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return EXIT_FAILURE;
}
