// Tests of other_libraries.hpp: what is there is found, what is not does no harm.
#include <fanout/processes/other_libraries.hpp>

#include <signal.h>
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

/// What comes out of a process whose stdout this is.
template <class Body>
static std::string written_by(const Body& body) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    std::cout.flush();
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        std::ios::sync_with_stdio(false);
        body();
        kill(getpid(), SIGKILL);  // sanitizers make even _exit write what is left
    }
    close(ends[1]);
    char text[100] = {};
    std::string all;
    while (const ssize_t got = read(ends[0], text, sizeof text)) all.append(text, static_cast<std::size_t>(got));
    close(ends[0]);
    waitpid(child, nullptr, 0);
    return all;
}

TEST_CASE("the buffers of stdio and std::cout are written out", "[other_libraries]") {
    CHECK(written_by([] {
              std::printf("stdio ");
              flush_output();
              std::cout << "cout";
              flush_output();
          }) == "stdio cout");
    CHECK(written_by([] {
              std::printf("stdio");
              std::cout << "cout";
              flush_output(false);
          }) == "stdio");
}

TEST_CASE("a forked child forgets what is its parent's to write", "[other_libraries]") {
    for (const bool iostreams : {true, false})
        CHECK(written_by([&] {
                  std::printf("of the parent ");
                  if (iostreams) std::cout << "of the parent ";
                  if (const pid_t child = fork()) {
                      waitpid(child, nullptr, 0);
                      return;
                  }
                  forget_output(iostreams);
                  std::printf("stdio ");
                  flush_output();
                  std::cout << "cout";
                  flush_output();
              }) == "stdio cout");
}
