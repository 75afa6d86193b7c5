// What tasks print, on its way from the slots of a worker to the coordinator, line by line.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fanout/core/plain_thread.hpp"
#include "fanout/processes/system.hpp"
#include "fanout/tcp/connection.hpp"
#include "fanout/tcp/messages.hpp"

namespace fanout::detail {

/// Each slot has a pipe for its standard output and one for its standard error, which its processes get one after the
/// other. Each says first which process it is, through the pipe, so that what the one before it has printed stays that
/// one's however late it is read. A thread reads them all. If the coordinator takes nothing more, tasks that print much
/// wait.
class output_relay {
public:
    output_relay(int slots, std::shared_ptr<connection> to)
        : to_(std::move(to)), mouths_(2 * static_cast<std::size_t>(slots)) {
        for (mouth& each : mouths_) {
            int ends[2];
            if (pipe2(ends, O_CLOEXEC) != 0) return;  // tasks print to where the worker does
            each.out = descriptor(ends[0]);
            each.in = descriptor(ends[1]);
            fcntl(ends[0], F_SETFL, O_NONBLOCK);
        }
        thread_ = plain_thread(run_of, this);
    }
    output_relay(const output_relay&) = delete;
    output_relay& operator=(const output_relay&) = delete;
    ~output_relay() { stop(); }

    /// In a slot, before its first task.
    void enter(int slot) const noexcept {
        if (!thread_.joinable()) return;
        const auto first = 2 * static_cast<std::size_t>(slot);
        char introduction[introduction_size + 1];
        std::memcpy(introduction, sign, sign_size);
        std::snprintf(introduction + sign_size, digits + 1, "%010d", static_cast<int>(getpid()));
        for (const std::size_t each : {std::size_t{0}, std::size_t{1}}) {
            const int in = mouths_[first + each].in.number();
            while (write(in, introduction, introduction_size) < 0 && errno == EINTR) {  // so short a one is whole
            }
            dup2(in, static_cast<int>(1 + each));
        }
        std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
    }

    /// When the slots are gone: sends what is left.
    void stop() noexcept {
        if (!thread_.joinable()) return;
        stops_.store(true);
        bell_.ring();
        thread_.join();
    }

private:
    static constexpr std::size_t longest_line = 32 << 10;  // what is longer is sent in parts
    static constexpr int rest_of_line = 100;               // milliseconds for which it is waited for
    static constexpr const char* sign = "\0\1fanout";      // which nobody prints, and then the number of the process
    static constexpr std::size_t sign_size = 8;
    static constexpr std::size_t digits = 10;
    static constexpr std::size_t introduction_size = sign_size + digits;

    struct mouth {
        descriptor out, in;
        std::string said;         // the beginning of a line
        std::int32_t writer = 0;  // the process that said it
    };

    static void* run_of(void* me) {
        const own_thread_mark mark;
        static_cast<output_relay*>(me)->run();
        return nullptr;
    }

    void run() {
        std::vector<pollfd> watched;
        for (const mouth& each : mouths_) watched.push_back({each.out.number(), POLLIN, 0});
        watched.push_back({bell_.number(), POLLIN, 0});
        for (bool stops = false; !stops;) {
            const int news = poll(watched.data(), watched.size(), is_any_line_begun() ? rest_of_line : -1);
            stops = stops_.load();  // before the last look at the pipes
            for (std::size_t i = 0; i < mouths_.size(); ++i) listen_to(i);
            if (news > 0 && !stops) continue;
            for (std::size_t i = 0; i < mouths_.size(); ++i) send_first(i, mouths_[i].said.size());
        }
    }

    bool is_any_line_begun() const noexcept {
        for (const mouth& each : mouths_)
            if (!each.said.empty()) return true;
        return false;
    }

    void listen_to(std::size_t which) {
        mouth& its = mouths_[which];
        char buffer[16 << 10];
        for (;;) {
            const ssize_t got = read(its.out.number(), buffer, sizeof buffer);
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) return;
            its.said.append(buffer, static_cast<std::size_t>(got));
            take_introductions(which);
            const std::size_t end = its.said.rfind('\n') + 1;
            if (end > 0) send_first(which, end);
            if (its.said.size() > longest_line) send_first(which, its.said.size() - introduction_size);  // may be cut
        }
    }

    void take_introductions(std::size_t which) {
        mouth& its = mouths_[which];
        for (;;) {
            const std::size_t at = its.said.find(sign, 0, sign_size);
            if (at == its.said.npos || its.said.size() < at + introduction_size) return;
            send_first(which, at);
            its.writer = std::atoi(its.said.substr(sign_size, digits).c_str());
            its.said.erase(0, introduction_size);
        }
    }

    void send_first(std::size_t which, std::size_t size) {
        mouth& its = mouths_[which];
        if (size == 0) return;
        const bool is_error = which % 2 == 1;
        const std::string text = its.said.substr(0, size);
        its.said.erase(0, size);
        const frame message{
            frame_type::output, true, false, false, 0, packed(output_message{its.writer, is_error, text})};
        if (to_->send_when_there_is_room(message)) return;
        std::fwrite(text.data(), 1, text.size(), is_error ? stderr : stdout);  // nobody else is there to read it
    }

    const std::shared_ptr<connection> to_;
    std::vector<mouth> mouths_;  // the outputs and the errors of the slots, one after the other
    bell bell_;
    std::atomic<bool> stops_ = false;
    plain_thread thread_;
};

/// In the coordinator: each line with the machine and the process in front of it.
inline void print_relayed(const std::string& host, const output_message& what) {
    const std::string prefix = concat({"[", host, " ", std::to_string(what.pid), "] "});
    std::string lines;
    for (std::size_t at = 0; at < what.text.size();) {
        const std::size_t end = what.text.find('\n', at);
        const std::size_t size = (end == what.text.npos ? what.text.size() : end) - at;
        lines.append(prefix).append(what.text, at, size).append(1, '\n');
        at += size + 1;
    }
    std::FILE* const where = what.is_error ? stderr : stdout;
    std::fwrite(lines.data(), 1, lines.size(), where);
    std::fflush(where);
}

}  // namespace fanout::detail
