// A worker of another build than the tests: it has their functions by name, and one name means something else.
#include <fanout/tcp.hpp>

#ifndef FANOUT_TESTS_WITHOUT_NAMES
#include "named_functions.hpp"

static int only_here(int x) { return x; }
FANOUT_REGISTER("of another form", only_here);
#endif

int main(int argc, char** argv) {
    if (auto status = fanout::worker_entry(argc, argv)) return *status;
    return 1;
}
