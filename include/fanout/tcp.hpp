// Workers on other machines, to be included after <fanout/fanout.hpp>. Needs OpenSSL: link with -lssl -lcrypto.
//
//     int main(int argc, char** argv) {
//         if (auto status = fanout::worker_entry(argc, argv)) return *status;
//         std::vector<double> roots = fanout::parallel(2, fanout::tcp{})(fanout::delayed(root), numbers);
#pragma once

#include "fanout/core/platform.hpp"
#if !FANOUT_ON_LINUX
#error "fanout: tcp runs on Linux only; on this system use threads{} or sequential{}"
#elif !__has_include(<openssl/ssl.h>)
#error "fanout: tcp needs OpenSSL (on Debian: apt-get install libssl-dev); link with -lssl -lcrypto, or fanout::tcp"
#endif

// IWYU pragma: begin_exports
#include "fanout/launch/external.hpp"
#include "fanout/launch/launcher.hpp"
#include "fanout/launch/local.hpp"
#include "fanout/launch/ssh.hpp"
#include "fanout/tcp/registered_function.hpp"
#include "fanout/tcp/shared.hpp"
#include "fanout/tcp/tcp.hpp"
#include "fanout/tcp/worker_entry.hpp"
// IWYU pragma: end_exports
