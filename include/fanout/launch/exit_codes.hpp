// How a worker ends, for who has started it.
#pragma once

namespace fanout::detail {

struct exit_codes {
    static constexpr int done = 0;
    static constexpr int coordinator_lost = 75;  // start it again
    static constexpr int wrong_key = 77;         // this one and the next will be the same the next time
    static constexpr int rejected = 78;
    static constexpr int killed_after_grace = 143;

    static constexpr bool is_hopeless(int code) noexcept { return code == wrong_key || code == rejected; }
};

}  // namespace fanout::detail
