// Tests of other_libraries.hpp: what is there is found, what is not does no harm.
#include <fanout/processes/other_libraries.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <string>

#include "catch.hpp"

using namespace fanout::detail;

TEST_CASE("functions are found by name, if the program has them", "[other_libraries]") {
    const auto length = loaded_function<std::size_t(const char*)>("strlen");
    REQUIRE(length);
    CHECK(length("four") == 4);
    CHECK_FALSE(loaded_function<void()>("there_is_no_function_of_this_name"));
    pause_openmp();
    limit_library_threads(1);
}

TEST_CASE("the buffers of stdio and std::cout are written out", "[other_libraries]") {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        std::ios::sync_with_stdio(false);
        std::printf("stdio ");
        flush_output();
        std::cout << "cout";
        flush_output();
        _exit(0);
    }
    close(ends[1]);
    char text[100] = {};
    std::string all;
    while (const ssize_t got = read(ends[0], text, sizeof text)) all.append(text, static_cast<std::size_t>(got));
    close(ends[0]);
    waitpid(child, nullptr, 0);
    CHECK(all == "stdio cout");
}
