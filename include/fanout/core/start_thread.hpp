// Starts a thread on a plain function. All of fanout's threads begin here.
#pragma once

#include <thread>

namespace fanout::detail {

/// Why not std::thread with a lambda wherever one is wanted: its instantiation takes a while each time, and Clang 19
/// forgets to emit it for a lambda that stands in a template.
inline std::thread start_thread(void (*run)(void*), void* of) { return std::thread(run, of); }

}  // namespace fanout::detail
