// The first call of a program, which has to start everything: each is measured in a program of its own.
#pragma once

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

inline constexpr std::string_view first_call_word = "--first-call";

/// For `main`: true if the program has been started for that, and has made the call and printed what it took. `word`
/// says which, if there are several.
template <class Call>
bool made_first_call(int argc, char** argv, const Call& call, std::string_view word = first_call_word) {
    if (argc != 2 || argv[1] != word) return false;
    const auto start = std::chrono::steady_clock::now();
    call();
    std::printf("%.9f\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    return true;
}

/// To be registered with `UseManualTime`.
inline void first_call_of(benchmark::State& state, std::string_view word) {
    const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
    const std::string command = "'" + program + "' " + std::string(word);
    for (auto _ : state) {
        double seconds = 0;
        std::FILE* const said = popen(command.c_str(), "r");
        if (!said || std::fscanf(said, "%lf", &seconds) != 1) state.SkipWithError("the program has not made its call");
        if (said) pclose(said);
        state.SetIterationTime(seconds);
    }
}

inline void first_call(benchmark::State& state) { first_call_of(state, first_call_word); }
