// Tasks that write where they should not.
#include <fanout/processes/processes.hpp>

#include <cstdio>
#include <cstring>
#include <fanout/fanout.hpp>
#include <ranges>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/matchers.hpp"

using namespace fanout;

/// All memory that this process shares with others, and no file.
static void fill_shared_memory(int byte) {
    struct area {
        unsigned long first, last;
    };
    std::vector<area> all;
    std::FILE* const maps = std::fopen("/proc/self/maps", "r");
    char line[512], rights[8];
    for (area each{}; std::fgets(line, sizeof line, maps);)
        if (std::sscanf(line, "%lx-%lx %7s", &each.first, &each.last, rights) == 3 && std::string(rights) == "rw-s" &&
            std::strstr(line, "/dev/zero"))  // anonymous
            all.push_back(each);
    std::fclose(maps);
    for (const area& each : all) std::memset(reinterpret_cast<void*>(each.first), byte, each.last - each.first);
}

TEST_CASE("a task that overwrites what workers share with their parent does not give wrong results", "[chaos]") {
    for (const int byte : {1, 2, 255}) {
        const auto call = [&] {
            parallel({.n_jobs = 2, .timeout = std::chrono::seconds(60)}, processes{})(delayed([byte](int i) {
                                                                                          if (i == 500)
                                                                                              fill_shared_memory(byte);
                                                                                          return i;
                                                                                      }),
                                                                                      std::views::iota(0, 1000));
        };
        CHECK_THROWS_WITH(call(), containing("overwritten memory"));
    }
}
