// What is not everywhere: fanout is at home on Linux, and runs loops on threads on any system with POSIX threads.
#pragma once

#if !__has_include(<unistd.h>) || !__has_include(<pthread.h>)
#error "fanout needs a POSIX system: Linux, macOS or a BSD; on Windows compile in WSL"
#endif

// FANOUT_AS_IF_NOT_LINUX: for tests of what other systems get.
#if defined(__linux__) && !defined(FANOUT_AS_IF_NOT_LINUX)
#define FANOUT_ON_LINUX 1
#else
#define FANOUT_ON_LINUX 0
#endif
