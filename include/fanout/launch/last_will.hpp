// What is to be done when this process is gone, however it went: killed, or out of memory.
#pragma once

#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "fanout/launch/child_program.hpp"

namespace fanout::detail {

/// A command that is run when this process ends without having destroyed this object. Another process waits for that,
/// and is gone with this object. Should it not be to be had, nothing is run.
class last_will {
public:
    explicit last_will(std::vector<std::string> command) {
        // `read` fails when nobody has its other end any more.
        std::vector<std::string> words = {
            "/bin/sh", "-c", "trap '' HUP INT QUIT TERM; read -r nothing || \"$@\" >/dev/null 2>&1", "fanout"};
        words.insert(words.end(), std::make_move_iterator(command.begin()), std::make_move_iterator(command.end()));
        executor_.start(words, "FANOUT_LAST_WILL=1", "");
    }
    last_will(const last_will&) = delete;
    last_will& operator=(const last_will&) = delete;
    ~last_will() { executor_.kill(); }  // first of all, before its input ends

private:
    child_program executor_;
};

}  // namespace fanout::detail
