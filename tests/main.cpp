// The main function of every test program, compiled once: Catch2 takes ten times as long as a test.
#define CATCH_CONFIG_RUNNER  // for version 2, whose implementation is in its header; version 3 has a library
#include "catch.hpp"
#include "support/instead_of_tests.hpp"

int main(int argc, char** argv) {
    int status = 0;
    if (run_instead_of_tests && run_instead_of_tests(argc, argv, &status)) return status;
    return Catch::Session().run(argc, argv);
}
