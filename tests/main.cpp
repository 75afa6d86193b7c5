// The main function of every test program, compiled once: Catch2 takes ten times as long as a test.
#define CATCH_CONFIG_RUNNER  // for version 2, whose implementation is in its header; version 3 has a library
#include "catch.hpp"

int main(int argc, char** argv) { return Catch::Session().run(argc, argv); }
