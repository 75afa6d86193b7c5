// Which sanitizer this is built with: some tests cannot be made under one.
#pragma once

#if defined(__SANITIZE_THREAD__)
#define FANOUT_TESTS_UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FANOUT_TESTS_UNDER_TSAN 1
#endif
#endif
#ifndef FANOUT_TESTS_UNDER_TSAN
#define FANOUT_TESTS_UNDER_TSAN 0
#endif

#if defined(__SANITIZE_ADDRESS__)
#define FANOUT_TESTS_UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FANOUT_TESTS_UNDER_ASAN 1
#endif
#endif
#ifndef FANOUT_TESTS_UNDER_ASAN
#define FANOUT_TESTS_UNDER_ASAN 0
#endif
