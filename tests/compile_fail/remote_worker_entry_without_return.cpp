// error: main() ends with it: if (auto status = fanout::worker_entry(argc, argv)) return *status;
// flags: -Werror=unused-result
#include <fanout/tcp.hpp>

int main(int argc, char** argv) {
#ifndef CORRECTED
    fanout::worker_entry(argc, argv);
#else
    if (auto status = fanout::worker_entry(argc, argv)) return *status;
#endif
}
