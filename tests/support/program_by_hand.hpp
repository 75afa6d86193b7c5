// This program, started again by hand, with what it says kept.
#pragma once

#include <fanout/launch/child_program.hpp>
#include <fanout/launch/local.hpp>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "catch.hpp"

class program_by_hand {
public:
    explicit program_by_hand(const std::vector<std::string>& arguments, const std::string& input = "",
                             const std::string& variable = "FANOUT_TEST=1") {
        close(mkstemp(file_));
        // exec keeps the number of the process.
        std::vector<std::string> words = {"sh", "-c", "exec \"$@\" 2>\"$0\"", file_, fanout::detail::own_path()};
        words.insert(words.end(), arguments.begin(), arguments.end());
        REQUIRE(program_.start(words, variable, input) == 0);
    }
    ~program_by_hand() { unlink(file_); }

    int exit_code() {
        REQUIRE(program_.wait_for_end(30'000));
        return WIFEXITED(program_.status()) ? WEXITSTATUS(program_.status()) : -WTERMSIG(program_.status());
    }
    /// On its standard error, up to now.
    std::string words() const {
        std::stringstream all;
        all << std::ifstream(file_).rdbuf();
        return all.str();
    }
    void close_input() { program_.close_input(); }
    pid_t pid() const { return program_.pid(); }
    bool has_ended() { return program_.has_ended(); }

private:
    char file_[32] = "/tmp/fanout-test-words-XXXXXX";
    fanout::detail::child_program program_;
};
