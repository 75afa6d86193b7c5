// Reads "--name value" pairs from the command line, and picks a fanout backend by its name.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <system_error>

// A mistake on the command line is the user's to correct: one line that says what to write, and exit status 2.
[[noreturn]] inline void reject(const std::string& message) {
    std::fprintf(stderr, "error: %s\n", message.c_str());
    std::exit(2);
}

class command_line {
public:
    command_line(int argc, char** argv, const char* usage, std::initializer_list<std::string_view> names) {
        for (int i = 1; i < argc; i += 2) {
            const std::string name = argv[i];
            if (name == "--help") {
                std::fputs(usage, stdout);
                std::exit(0);
            }
            if (std::ranges::find(names, name) == names.end())
                reject("unknown option " + name + ": write " + list(names));
            if (i + 1 == argc) reject(name + " needs a value: write " + name + " VALUE");
            values_[name] = argv[i + 1];
        }
    }

    std::string text(const std::string& name, const std::string& otherwise) const {
        const auto found = values_.find(name);
        return found == values_.end() ? otherwise : found->second;
    }

    int count(const std::string& name, int otherwise) const {
        const int value = integer(name, otherwise);
        if (value < 1) reject(name + " must be at least 1: write " + name + " " + std::to_string(otherwise));
        return value;
    }

    int jobs(int otherwise) const {
        const int value = integer("--jobs", otherwise);
        if (value == 0) reject("--jobs must not be 0: write the number of jobs, or --jobs -1 for all CPUs");
        return value;
    }

private:
    static std::string list(std::initializer_list<std::string_view> names) {
        std::string joined;
        for (const std::string_view name : names) joined.append(name).append(", ");
        return joined + "or --help";
    }

    int integer(const std::string& name, int otherwise) const {
        const std::string digits = text(name, std::to_string(otherwise));
        const char* const end = digits.data() + digits.size();
        int value = 0;
        const auto [stop, error] = std::from_chars(digits.data(), end, value);
        if (error != std::errc{} || stop != end)
            reject(name + " must be a whole number, not '" + digits + "': write " + name + " " +
                   std::to_string(otherwise));
        return value;
    }

    std::map<std::string, std::string> values_;
};

// Calls run(backend). Backends are types, so `run` is a generic lambda that is compiled once for each of them.
template <class Run>
void with_backend(const std::string& name, Run run) {
    if (name == "threads")
        run(fanout::threads{});
    else if (name == "processes")
        run(fanout::processes{});
    else if (name == "tcp")
        run(fanout::tcp{});
    else if (name == "sequential")
        run(fanout::sequential{});
    else
        reject("unknown backend '" + name + "': write --backend threads, processes, tcp or sequential");
}
