// Why a worker died, in words for whoever has to find the bug.
#pragma once

#include <signal.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "fanout/core/cgroup.hpp"
#include "fanout/core/concat.hpp"
#include "fanout/core/describe.hpp"
#include "fanout/processes/last_words.hpp"
#include "fanout/processes/system.hpp"
#include "fanout/processes/worker_process.hpp"

namespace fanout::detail {

inline std::string signal_name(int signal) {
    struct entry {
        int number;
        const char* name;
    };
    static constexpr entry names[] = {
        {SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"},   {SIGFPE, "SIGFPE"},   {SIGILL, "SIGILL"},   {SIGABRT, "SIGABRT"},
        {SIGKILL, "SIGKILL"}, {SIGTERM, "SIGTERM"}, {SIGHUP, "SIGHUP"},   {SIGQUIT, "SIGQUIT"}, {SIGTRAP, "SIGTRAP"},
        {SIGPIPE, "SIGPIPE"}, {SIGALRM, "SIGALRM"}, {SIGUSR1, "SIGUSR1"}, {SIGUSR2, "SIGUSR2"}, {SIGSYS, "SIGSYS"},
        {SIGXCPU, "SIGXCPU"}, {SIGXFSZ, "SIGXFSZ"}, {SIGPROF, "SIGPROF"}, {SIGINT, "SIGINT"}};
    for (const entry& each : names)
        if (each.number == signal) return each.name;
    return concat({"signal ", std::to_string(signal)});
}

inline std::string hexadecimal(const void* address) {
    char text[32];
    std::snprintf(text, sizeof text, "0x%zx", reinterpret_cast<std::size_t>(address));
    return text;
}

/// How often the kernel has killed for want of memory in the control group that this process is in, which its workers
/// are in as well: the nearest one that has a counter, for those above count the kills of strangers too. Where there is
/// none, in the whole system. It only goes up. `root` goes before every path; "" but in tests.
inline std::uint64_t out_of_memory_kills(std::string_view root = "") {
    std::uint64_t kills = 0;
    bool counted = false;
    for_each_own_cgroup(root, "memory", [&](const std::string& group) {
        for (const char* const file : {"memory.events", "memory.oom_control"}) {  // of version 2, of version 1
            const std::string counters = read_file(group, file);
            if (counters.find("oom_kill ") == counters.npos) continue;  // not oom_kill_disable, which is older
            kills += number_after(counters, "oom_kill");
            counted = true;
            return false;
        }
        return true;
    });
    return counted ? kills : number_after(read_file(root, "/proc/vmstat"), "oom_kill");
}

/// "program(_Z5scorei+0x12) [0x55]" becomes "score(int)+0x12", or "program+0x1112" where there is no name.
inline std::string readable_frame(const std::string& raw) {
    const std::size_t open = raw.find('('), close = raw.find(')', open);
    if (open == raw.npos || close == raw.npos) return raw;
    const std::size_t plus = raw.find('+', open);
    std::string name = raw.substr(open + 1, (plus < close ? plus : close) - open - 1);
    const std::string offset = plus < close ? raw.substr(plus, close - plus) : std::string();
    if (name.empty()) {
        const std::size_t slash = raw.rfind('/', open);
        name = raw.substr(slash == raw.npos ? 0 : slash + 1, open - (slash == raw.npos ? 0 : slash + 1));
    } else {
        name = demangled(name.c_str());
    }
    return name.append(offset);
}

inline bool is_of_own_handlers(const std::string& frame) { return frame.find("fanout::detail::dying::") != frame.npos; }

/// Whether the frame lies between what went wrong and the end of the program, once that had been decided: in our own
/// handlers, in abort and terminate and what calls them.
inline bool is_on_the_way_out(const char* raw, const std::string& frame) {
    if (is_of_own_handlers(frame)) return true;
    const char* file = raw;
    for (const char* at = raw; *at && *at != '('; ++at)
        if (*at == '/') file = at + 1;
    static constexpr const char* names[] = {"libc.",     "libc-",  "ld-musl", "libpthread",
                                            "libstdc++", "libc++", "libgcc_s"};
    for (const char* const each : names)
        if (std::strncmp(file, each, std::strlen(each)) == 0) return true;
    return false;
}

/// " in f+0x12 < g+0x8": where it was, and who had called that, but not the frames that lead to every task. Of a
/// program that `ended_itself`, where that began; and our own handler comes first if it has not found where it was
/// called.
inline std::string readable_frames(const char* const* raw, int count, bool ended_itself = false) {
    constexpr int enough = 5;
    std::string text;
    for (int i = 0, shown = 0; i < count && shown < enough; ++i) {
        const std::string frame = readable_frame(raw[i]);
        if (i == 0 && is_of_own_handlers(frame)) ended_itself = true;
        if (shown == 0 && ended_itself && is_on_the_way_out(raw[i], frame)) continue;
        if (shown > 0 && frame.find("std::__invoke") != frame.npos) continue;  // says nothing
        if (shown > 0 && frame.find("fanout::detail::") != frame.npos) break;
        text.append(shown++ == 0 ? " in " : " < ").append(frame);
    }
    return text;
}

/// Parent and worker are one image at one address.
inline std::string where([[maybe_unused]] const last_words& last) {
    std::string text;
#if FANOUT_HAS_BACKTRACE
    if (last.frame_count <= 0) return text;
    char** const raw = backtrace_symbols(last.frames, last.frame_count);
    if (!raw) return text;
    text = readable_frames(raw, last.frame_count, last.signal == SIGABRT);
    std::free(static_cast<void*>(raw));
#endif
    return text;
}

inline bool looks_like_stack_overflow(const last_words& last) {
    const auto address = reinterpret_cast<std::uintptr_t>(last.address);
    const auto stack = reinterpret_cast<std::uintptr_t>(last.stack_pointer);
    // A stack grows down; what lies just above its pointer is mapped, unless the pointer has left the stack.
    return (last.signal == SIGSEGV || last.signal == SIGBUS) && last.code > 0 && stack != 0 &&
           address + 4096 >= stack && address < stack + (16u << 20);
}

/// "SIGSEGV at address 0x8 in score(int)+0x12"
inline std::string cause_of_death(const exit_report& report, const last_words& last, bool memory_ran_out) {
    using manner = last_words::manner;
    const int signal = report.known ? report.signal() : (last.how == manner::crashed ? last.signal : 0);
    std::string text;
    if (last.how == manner::terminated) {
        text.append("std::terminate was called").append(last.text, strnlen(last.text, sizeof last.text));
        return text.append(where(last));
    }
    if (last.how == manner::lost_the_bell)
        return "it closed file descriptors that are not its own, among them one that fanout needs";
    if (last.how == manner::called_exit && signal == 0)
        return last.exit_code == last_words::unknown_exit_code
                   ? "it called exit"
                   : concat({"it called exit(", std::to_string(last.exit_code), ")"});
    if (signal != 0) {
        if (signal == SIGKILL) return memory_ran_out ? "out of memory (SIGKILL)" : "killed from outside (SIGKILL)";
        text = signal_name(signal);
        if (last.how != manner::crashed || last.signal != signal) return text;
        if (looks_like_stack_overflow(last))
            text.append(": stack overflow");
        else if (last.code > 0)
            text.append(" at address ").append(hexadecimal(last.address));
        return text.append(where(last));
    }
    if (report.exited()) return concat({"it ended by itself with exit code ", std::to_string(report.exit_code())});
    return "its exit status is not known, because this program ignores SIGCHLD or waits for children that are not its "
           "own";
}

/// What is to be said of a task whose worker has died.
struct verdict_on_death {
    const char* did;      // "killed its worker"
    std::string cause;    // "SIGSEGV at address 0x8"
    const char* way_out;  // what to do about it
};

inline verdict_on_death verdict_on(const exit_report& report, const last_words& last, bool memory_ran_out) {
    const bool ended_itself = report.signal() == 0 && (last.how == last_words::manner::called_exit || report.exited());
    const char* way_out = "run this task with fanout::sequential in a debugger";
    if (memory_ran_out)
        way_out = "use a smaller n_jobs, or .memory_limit to have the task fail with std::bad_alloc";
    else if (report.signal() == SIGKILL)
        way_out = "it may have been a limit of the system, a job scheduler, or somebody";
    else if (ended_itself)
        way_out = "a task has to return or to throw";
    return {ended_itself ? "ended its worker" : "killed its worker", cause_of_death(report, last, memory_ran_out),
            way_out};
}

}  // namespace fanout::detail
