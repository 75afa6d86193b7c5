// Other libraries in the program that have to be told of a fork, if they are there: fanout does not need any of them.
#pragma once

#include <fcntl.h>
#include <stdio_ext.h>
#include <unistd.h>

#include <cstdio>
#include <initializer_list>

namespace fanout::detail {

// Weak in this one way only, so that a program that declares or calls the same functions notices nothing.
static void* find_symbol_if_possible(void*, const char*) __attribute__((weakref("dlsym")));
static void dump_gcov_if_there() __attribute__((weakref("__gcov_dump")));
static int write_llvm_profile_if_there() __attribute__((weakref("__llvm_profile_write_file")));

/// Something that the program has loaded, from wherever; null if it has nothing of that name.
inline void* loaded_object(const char* name) {
    return &find_symbol_if_possible ? find_symbol_if_possible(nullptr /* RTLD_DEFAULT */, name) : nullptr;
}

template <class Function>
Function* loaded_function(const char* name) {
    return reinterpret_cast<Function*>(loaded_object(name));
}

/// std::cout and std::clog, which have buffers of their own after sync_with_stdio(false). Not through <iostream>, which
/// would have to be included by everybody.
inline void flush_iostreams() {
    static const auto flush = loaded_function<void*(void*)>("_ZNSo5flushEv");  // std::ostream::flush()
    static void* const streams[] = {loaded_object("_ZSt4cout"), loaded_object("_ZSt4clog")};
    for (void* const it : streams)
        // All zero when nobody in the program has included <iostream>.
        if (it && flush && *static_cast<void**>(it)) flush(it);
}

/// Writes out what stdout, stderr and, unless others may be writing there just now, std::cout have in their buffers.
/// What a program has in other buffers, such as those of a std::ofstream, stays there, and is written by each worker
/// that fills them.
inline void flush_output(bool iostreams = true) {
    // Not fflush(nullptr): that waits for every stream, also for a stdin that another thread is reading.
    for (std::FILE* const stream : {stdout, stderr}) {
        if (ftrylockfile(stream) != 0) continue;
        std::fflush(stream);
        funlockfile(stream);
    }
    if (iostreams) flush_iostreams();
}

/// In a new worker: what its parent still has in these buffers is for the parent to write.
inline void forget_output(bool iostreams) {
    for (std::FILE* const stream : {stdout, stderr}) __fpurge(stream);
    if (!iostreams) return;
    // Nobody but the stream itself can empty it, so it writes to nowhere.
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    int kept[2] = {-1, -1};
    for (const int each : {STDOUT_FILENO, STDERR_FILENO}) {
        kept[each - 1] = fcntl(each, F_DUPFD_CLOEXEC, 3);
        if (nowhere >= 0 && kept[each - 1] >= 0) dup2(nowhere, each);
    }
    if (nowhere >= 0 && kept[0] >= 0 && kept[1] >= 0) flush_iostreams();
    for (const int each : {STDOUT_FILENO, STDERR_FILENO}) {
        if (nowhere >= 0 && kept[each - 1] >= 0) dup2(kept[each - 1], each);
        if (kept[each - 1] >= 0) close(kept[each - 1]);
    }
    if (nowhere >= 0) close(nowhere);
}

/// Before forking: GCC's OpenMP waits for ever in a child for threads that are not there, unless it has let them go.
inline void pause_openmp() {
    const auto pause = loaded_function<int(int)>("omp_pause_resource_all");
    const auto in_parallel = loaded_function<int()>("omp_in_parallel");
    if (pause && !(in_parallel && in_parallel())) pause(2 /* omp_pause_hard */);
}

/// In a worker: libraries that start threads of their own get its share of the CPUs.
inline void limit_library_threads(int threads) {
    for (const char* each : {"omp_set_num_threads", "openblas_set_num_threads", "MKL_Set_Num_Threads"})
        if (const auto set = loaded_function<void(int)>(each)) set(threads);
}

/// In a worker that ends without the program's exit handlers: what they would have done that is wanted all the same.
inline void before_leaving() {
    flush_output();
    if (&dump_gcov_if_there) dump_gcov_if_there();
    if (&write_llvm_profile_if_there) write_llvm_profile_if_there();
    // LLVM's OpenMP would leave a file in /dev/shm. GCC's leaves nothing.
    if (loaded_function<void()>("__kmpc_begin")) pause_openmp();
}

}  // namespace fanout::detail
