// The web server of the example http_requests, for programs in other languages: prints an address, and answers there,
// each time after 50 ms, until its input ends.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "../examples/demo_server.hpp"

int main() try {
    demo_server server(64, std::chrono::milliseconds(50));
    std::puts(server.url(0).c_str());
    std::fflush(stdout);
    while (std::getchar() != EOF) {
    }
    return EXIT_SUCCESS;
} catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return EXIT_FAILURE;
}
