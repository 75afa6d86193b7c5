// Starts a thread on a plain function. All of fanout's threads begin here.
#pragma once

#include <memory>
#include <thread>
#include <type_traits>

namespace fanout::detail {

/// Why not std::thread with a lambda wherever one is wanted: its instantiation takes a while each time, and Clang 19
/// forgets to emit it for a lambda that stands in a template.
template <class Of>
std::thread start_thread(void (*run)(std::type_identity_t<Of>*), Of& of) {
    return std::thread(run, std::addressof(of));
}

}  // namespace fanout::detail
