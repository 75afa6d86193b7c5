// System calls that fail, at the start and in the middle of a call: it works all the same, or says what is wrong, and
// never hangs.
#include <fanout/processes/processes.hpp>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "catch.hpp"
#include "support/in_a_child.hpp"
#include "support/leaks.hpp"
#include "support/matchers.hpp"
#include "support/refused_calls.hpp"
#include "support/run_on_processes.hpp"
#include "support/sanitizers.hpp"

namespace {

constexpr std::size_t size = 30;
std::string text_of(std::size_t i) { return std::string(i * 100, static_cast<char>('a' + i % 26)); }

/// "good", or what was wrong.
[[maybe_unused]] std::string result_of(portable_job& job, const fanout::processes& backend = {}) {
    try {
        backend.run(job, 3);
    } catch (const std::exception& e) {
        return e.what();
    }
    if (!job.each_stored_once()) return "not each once";
    if (has_children()) return "children are left";
    for (std::size_t i = 0; i < size; ++i)
        if (job.texts[i] != text_of(i)) return job.failures[i] ? job.failures[i]->what : "wrong";
    return "good";
}

[[maybe_unused]] std::string call_while_refused(long number, int error, unsigned argument = 0, std::uint32_t mask = 0) {
    return in_a_child([&] {
        portable_job job({.size = size}, portable_job::text_function(text_of));
        if (!refuse_call(number, error, argument, mask)) return std::string("could not refuse it");
        return result_of(job);
    });
}

}  // namespace

#if !FANOUT_TESTS_UNDER_TSAN && !FANOUT_TESTS_UNDER_ASAN  // which need these calls for themselves

TEST_CASE("without a single process there is an error that gives the reason", "[chaos][refused]") {
    CHECK_THAT(call_while_refused(SYS_clone, EAGAIN),
               containing("could not fork a single worker: Resource temporarily unavailable"));
    CHECK_THAT(call_while_refused(SYS_clone, ENOMEM), containing("could not fork a single worker: Cannot allocate"));
}

TEST_CASE("without memory to share there is an error that says how much was wanted", "[chaos][refused]") {
    CHECK_THAT(call_while_refused(SYS_mmap, ENOMEM, 3, MAP_SHARED),
               containing("could not get 3 MB of memory to share with 3 workers") && containing("smaller n_jobs"));
}

TEST_CASE("flat results for which there is no room in one piece go through the rings", "[chaos][refused]") {
    CHECK(in_a_child([] {
              constexpr std::size_t many = 2'500'000;  // 20 MB
              portable_job job({.size = many, .batch = 1000},
                               portable_job::number_function([](std::size_t i) { return std::int64_t(i); }));
              if (!refuse_call(SYS_mmap, ENOMEM, 1, 1u << 24)) return std::string("could not refuse it");
              fanout::processes{}.run(job, 2);
              for (std::size_t i = 0; i < many; ++i)
                  if (job.numbers[i] != std::int64_t(i)) return std::string("wrong");
              return std::string(job.each_stored_once() ? "good" : "not each once");
          }) == "good");
}

TEST_CASE("a sandbox that forbids pidfds, or signals through them, changes nothing", "[chaos][refused]") {
    CHECK(call_while_refused(SYS_pidfd_open, EPERM) == "good");
    CHECK(call_while_refused(SYS_pidfd_send_signal, EPERM) == "good");
    CHECK_THAT(in_a_child([] {
                   portable_job job({.size = 2, .timeout = 0.1}, portable_job::text_function([](std::size_t i) {
                                        if (i == 1)
                                            for (;;) pause();
                                        return std::string();
                                    }));
                   if (!refuse_call(SYS_pidfd_send_signal, EPERM)) return std::string("could not refuse it");
                   fanout::processes{}.run(job, 2);
                   return job.failures[1] ? job.failures[1]->type : "no failure";
               }),
               ending_with("fanout::task_timeout"));
}

TEST_CASE("what only makes workers better neighbours may be refused", "[chaos][refused]") {
    CHECK(call_while_refused(SYS_mprotect, EACCES) == "good");
    CHECK(call_while_refused(SYS_prctl, EPERM) == "good");
    CHECK(call_while_refused(SYS_sigaltstack, ENOMEM) == "good");
    CHECK(call_while_refused(SYS_rt_sigaction, EINVAL) == "good");
    CHECK(call_while_refused(SYS_prlimit64, EPERM) == "good");
    CHECK(call_while_refused(SYS_openat, EACCES) == "good");
}

TEST_CASE("workers that cannot be replaced, and are all gone, break the pool", "[chaos][refused]") {
    CHECK(in_a_child([] {
              portable_job job({.size = size}, portable_job::text_function([](std::size_t i) {
                                   usleep(1'000);
                                   return text_of(i);
                               }));
              bool refused = false;
              job.on_stored = [&](std::size_t) { refused = refused || refuse_call(SYS_clone, EAGAIN); };
              fanout::detail::process_settings settings;
              settings.workers = 3;
              settings.max_tasks = 4;  // then they leave, and would be replaced
              settings.start_patience = std::chrono::seconds(1);
              try {
                  run_on_processes(job, settings);
              } catch (const fanout::pool_broken& e) {
                  return std::string(e.what());
              }
              return std::string("it did not notice");
          }).find("has lost its workers and could not fork others") != std::string::npos);
}

TEST_CASE("a worker that cannot be replaced is made up for by the others", "[chaos][refused]") {
    CHECK(in_a_child([] {
              portable_job job({.size = size}, portable_job::text_function([](std::size_t i) {
                                   if (i == 20) _exit(1);
                                   usleep(1'000);
                                   return text_of(i);
                               }));
              bool refused = false;
              job.on_stored = [&](std::size_t) { refused = refused || refuse_call(SYS_clone, EAGAIN); };
              fanout::detail::process_settings settings;
              settings.workers = 3;
              settings.retries = 0;
              run_on_processes(job, settings);
              if (!job.each_stored_once() || has_children()) return std::string("not each once");
              for (std::size_t i = 0; i < size; ++i)
                  if (i != 20 && job.texts[i] != text_of(i)) return std::string("wrong");
              return std::string(job.failures[20] ? "good" : "no failure");
          }) == "good");
}

#endif
