// An engine's own command, such as sbatch: what it answers, and what it says when it fails.
#pragma once

#include <cerrno>
#include <cstddef>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "fanout/core/clock.hpp"
#include "fanout/core/concat.hpp"
#include "fanout/launch/child_program.hpp"
#include "fanout/launch/output_file.hpp"
#include "fanout/launch/shell_words.hpp"

namespace fanout::detail {

struct answer {
    bool good = false;
    bool timed_out = false;
    std::string output;  // without line breaks at its end
    std::string why;     // it is not good: the command, what it said, and how it ended
};

/// Started by its constructor; killed by its destructor, if it has not ended.
class command {
public:
    explicit command(std::vector<std::string> words) : words_(std::move(words)) {
        error_ = program_.start(words_, "FANOUT_LAUNCHER=1", "", {output_.number(), said_.number()});
        program_.close_input();
    }

    bool has_ended() { return program_.has_ended(); }

    /// Waits for its end, at most so long.
    answer wait(std::chrono::milliseconds longest) {
        answer result;
        const bool ended = program_.wait_for_end(static_cast<int>(longest.count()));
        output_.news();
        said_.news();
        result.output = output_.tail();
        // How it has ended may not be told us; who complains, or says nothing, has not done well.
        const bool does_well = program_.status() == child_program::unknown
                                   ? said_.tail().empty() && !result.output.empty()
                                   : program_.status() == 0;
        result.timed_out = error_ == 0 && !ended;
        result.good = error_ == 0 && ended && does_well;
        if (result.good) return result;
        const std::string said = said_.tail().empty() ? result.output : said_.tail();
        const std::string end =
            error_ != 0
                ? concat({std::generic_category().message(error_),
                          error_ == ENOENT ? concat({" (", words_.front(), " is not in PATH)"}) : std::string()})
            : ended ? end_of(program_.status())
                    : concat({"it has not answered in ", in_seconds(longest)});
        result.why =
            concat({"`", as_typed(words_), "`", said.empty() ? "" : " said: ", said, said.empty() ? ": " : "; ", end});
        return result;
    }

private:
    const std::vector<std::string> words_;
    output_file output_;
    output_file said_;
    child_program program_;
    int error_ = 0;
};

inline answer ask(std::vector<std::string> words, std::chrono::milliseconds longest = std::chrono::seconds(30)) {
    return command(std::move(words)).wait(longest);
}

}  // namespace fanout::detail
