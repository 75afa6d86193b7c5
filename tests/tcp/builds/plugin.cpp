// A library with tasks, which is loaded while the program runs; there are two builds of it.
#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
#include <vector>

extern "C" __attribute__((visibility("default"))) int answer_of_plugin(int x) {
    const auto results = fanout::parallel(1, fanout::tcp{})(
        fanout::delayed([](int i) { return i + FANOUT_TESTS_BUILD; }), std::vector<int>{x});
    return results.at(0);
}
