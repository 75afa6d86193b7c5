// Tests of autopsy.hpp: what is said of a death.
#include <fanout/processes/autopsy.hpp>

#include <signal.h>

#include <cstring>
#include <string>

#include "catch.hpp"
#include "support/made_up_system.hpp"
#include "support/matchers.hpp"

using namespace fanout::detail;

namespace {

exit_report killed_by(int signal) { return {true, signal, 0}; }
exit_report exited_with(int code) { return {true, code << 8, 0}; }

last_words crash(int signal, int code, std::size_t address, std::size_t stack) {
    last_words last{};
    last.how = last_words::manner::crashed;
    last.signal = signal;
    last.code = code;
    last.address = reinterpret_cast<void*>(address);
    last.stack_pointer = reinterpret_cast<void*>(stack);
    return last;
}

}  // namespace

TEST_CASE("signals have names, and those without have numbers", "[autopsy]") {
    CHECK(signal_name(SIGSEGV) == "SIGSEGV");
    CHECK(signal_name(SIGXCPU) == "SIGXCPU");
    CHECK(signal_name(40) == "signal 40");
}

TEST_CASE("a crash is told with its address, and an overflow of the stack as such", "[autopsy]") {
    CHECK(cause_of_death(killed_by(SIGSEGV), crash(SIGSEGV, 1, 0x8, 0x7fff0000), false) == "SIGSEGV at address 0x8");
    CHECK(cause_of_death(killed_by(SIGSEGV), crash(SIGSEGV, 1, 0x7fff0000 - 8, 0x7fff0000), false) ==
          "SIGSEGV: stack overflow");
    CHECK(cause_of_death(killed_by(SIGSEGV), crash(SIGSEGV, SI_TKILL, 0, 0x7fff0000), false) == "SIGSEGV");
    CHECK(cause_of_death(killed_by(SIGABRT), last_words{}, false) == "SIGABRT");
}

TEST_CASE("out of memory is a finding and not a guess", "[autopsy]") {
    CHECK(cause_of_death(killed_by(SIGKILL), last_words{}, true) == "out of memory (SIGKILL)");
    CHECK(cause_of_death(killed_by(SIGKILL), last_words{}, false) == "killed from outside (SIGKILL)");
    CHECK_THAT(verdict_on(killed_by(SIGKILL), last_words{}, true).way_out, containing("smaller n_jobs"));
}

TEST_CASE("a worker that ended itself is told by how it did", "[autopsy]") {
    last_words last{};
    last.how = last_words::manner::called_exit;
    last.exit_code = 3;
    CHECK(cause_of_death(exited_with(3), last, false) == "it called exit(3)");
    last.exit_code = last_words::unknown_exit_code;  // as without glibc
    CHECK(cause_of_death(exited_with(1), last, false) == "it called exit");
    CHECK(cause_of_death(exited_with(1), last_words{}, false) == "it ended by itself with exit code 1");
    last.how = last_words::manner::terminated;
    std::strcpy(last.text, " with int: 5");
    CHECK(cause_of_death(killed_by(SIGABRT), last, false) == "std::terminate was called with int: 5");
    CHECK_THAT(cause_of_death({}, last_words{}, false), containing("its exit status is not known"));
}

TEST_CASE("a worker is killed by a signal, and ended by an exit", "[autopsy]") {
    last_words last{};
    CHECK(verdict_on(killed_by(SIGSEGV), last, false).did == std::string("killed its worker"));
    CHECK(verdict_on(killed_by(SIGSEGV), last, false).way_out ==
          std::string("run this task with fanout::sequential in a debugger"));
    CHECK(verdict_on(exited_with(0), last, false).did == std::string("ended its worker"));
    last.how = last_words::manner::called_exit;
    const verdict_on_death exit = verdict_on({}, last, false);  // whose status nobody knows
    CHECK(exit.did == std::string("ended its worker"));
    CHECK(exit.cause == "it called exit(0)");
    CHECK(exit.way_out == std::string("a task has to return or to throw"));
}

TEST_CASE("frames are shortened to what a person reads", "[autopsy]") {
    CHECK(readable_frame("./model(_Z5scorei+0x12) [0x5581]") == "score(int)+0x12");
    CHECK(readable_frame("/home/me/model(+0x1234) [0x5581]") == "model+0x1234");
    CHECK(readable_frame("model() [0x5581]") == "model");
    CHECK(readable_frame("nothing like it") == "nothing like it");
}

TEST_CASE("the frames of a crash end where fanout has called the task", "[autopsy]") {
    const char* const run_task = "./model(_ZN6fanout6detail5child8run_taskEv+0x24) [0x5582]";
    const char* const task[] = {"./model(_Z5scorei+0x12) [0x5581]", "./model(_Z4taskv+0x8) [0x5582]", run_task,
                                "./model(main+0x8) [0x5583]"};
    CHECK(readable_frames(task, 4) == " in score(int)+0x12 < task()+0x8");
    CHECK(readable_frames(task + 2, 2) == " in fanout::detail::child::run_task()+0x24 < main+0x8");  // a bug of fanout
    const char* const deep[] = {task[0], task[0], task[0], task[0], task[0], task[1]};
    CHECK_THAT(readable_frames(deep, 6), !containing("task"));
    CHECK(readable_frames(nullptr, 0).empty());
}

TEST_CASE("of a program that ended itself the frames begin where that was decided", "[autopsy]") {
    const char* const ended[] = {"/lib/x86_64-linux-gnu/libc.so.6(gsignal+0x12) [0x1]",
                                 "/lib/x86_64-linux-gnu/libc.so.6(abort+0xd3) [0x2]",
                                 "./model(_ZN6fanout6detail5dying14note_terminateEv+0x9) [0x3]",
                                 "/lib/x86_64-linux-gnu/libstdc++.so.6(+0xa1cd0) [0x4]",
                                 "./model(_Z5scorei+0x12) [0x5]",
                                 "/lib/x86_64-linux-gnu/libc.so.6(qsort+0x1) [0x6]"};
    CHECK(readable_frames(ended, 6, true) == " in score(int)+0x12 < qsort+0x1");
    CHECK(readable_frames(ended, 4, true).empty());
    CHECK_THAT(readable_frames(ended, 6), starting_with(" in gsignal+0x12 < abort"));  // a signal sent by somebody
    const char* const lost[] = {
        "./model(_ZN6fanout6detail5dying10note_crashEi+0xe0) [0x1]",  // a call of a null pointer
        "/lib/x86_64-linux-gnu/libc.so.6(+0x3c050) [0x2]"};
    CHECK(readable_frames(lost, 2).empty());
}

TEST_CASE("what the kernel has killed for want of memory is counted in the own group", "[autopsy]") {
    made_up_system system;
    be_in_abc(system);
    system.file("/proc/vmstat", "pgfault 5\noom_kill 9\n");
    CHECK(out_of_memory_kills(system.root()) == 9);  // no group has a counter
    system.file("/sys/fs/cgroup/a/memory.events", "low 0\noom 7\noom_kill 4\noom_group_kill 1\n");
    CHECK(out_of_memory_kills(system.root()) == 4);  // the controller is not on further down
    system.file("/sys/fs/cgroup/a/b/c/memory.events", "low 0\noom 2\noom_kill 2\n");
    CHECK(out_of_memory_kills(system.root()) == 2);  // and not those of groups beside it
}

TEST_CASE("what the kernel has killed is counted in version 1 too, wherever it is mounted", "[autopsy]") {
    made_up_system system;
    system.file("/proc/vmstat", "oom_kill 9\n");
    system.file("/proc/self/cgroup", "4:memory:/job/step\n1:cpu:/\n0::/\n");
    system.file("/proc/self/mountinfo",
                "35 31 0:33 /job /cg/mem rw - cgroup cgroup rw,memory\n"
                "41 31 0:38 / /cg/unified rw - cgroup2 cgroup2 rw\n");
    system.file("/cg/mem/step/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
    CHECK(out_of_memory_kills(system.root()) == 3);
    system.file("/cg/mem/step/memory.oom_control", "oom_kill_disable 7\nunder_oom 0\n");  // before Linux 4.13
    CHECK(out_of_memory_kills(system.root()) == 9);
}
