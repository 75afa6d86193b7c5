// Workers on machines that can be reached with ssh.
#pragma once

#include <unistd.h>

#include <cctype>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "fanout/core/clock.hpp"
#include "fanout/core/concat.hpp"
#include "fanout/launch/child_program.hpp"
#include "fanout/launch/exit_codes.hpp"
#include "fanout/launch/launcher.hpp"
#include "fanout/launch/local.hpp"
#include "fanout/launch/shell_words.hpp"

namespace fanout {

namespace detail {

/// "8/user@host": eight slots. Without a number: as many as the call says.
struct ssh_host {
    int slots = 0;
    std::string name;

    /// Throws `std::invalid_argument`.
    static ssh_host parse(const std::string& text) {
        ssh_host result;
        const std::size_t slash = text.find('/');
        result.name = slash == text.npos ? text : text.substr(slash + 1);
        bool good = !result.name.empty() && result.name[0] != '-';  // which ssh would take for an option
        for (const char each : result.name) good = good && !std::isspace(static_cast<unsigned char>(each));
        for (std::size_t i = 0; slash != text.npos && i < slash; ++i) {
            good = good && text[i] >= '0' && text[i] <= '9' && i < 5;
            result.slots = result.slots * 10 + (text[i] - '0');
        }
        if (!good || (slash != text.npos && (result.slots < 1 || result.slots > most_slots)))
            throw std::invalid_argument(
                concat({"fanout: '", text, "' names no machine; give host, user@host, or 8/user@host for 8 slots"}));
        return result;
    }
};

class ssh_workers final : public launched_workers {
public:
    ssh_workers(const worker_order& order, const std::vector<ssh_host>& hosts, std::vector<std::string> program,
                std::string path)
        : order_(order), hosts_(hosts), program_(std::move(program)), path_(std::move(path)), all_(hosts.size()) {
        for (std::size_t i = 0; i < all_.size() && i < most_at_once; ++i) begin(i);
    }
    ~ssh_workers() override {
        // Its input ends, by which the worker over there knows that it is to end, should it not have been told.
        for (child_program& each : all_) each.close_input();
        const auto until = clock::now() + std::chrono::seconds(3);
        for (child_program& each : all_) {
            each.wait_until(until);
        }
    }

    std::string keep_up() override {
        const auto now = clock::now();
        bool any_hope = false;
        for (std::size_t i = 0; i < all_.size(); ++i) {
            if (starts_.size() <= i || starts_[i] == 0) {
                begin(i);  // sshd takes ten at once, and turns others away
                any_hope = true;
                break;
            }
            if (!all_[i].has_ended()) {
                any_hope = true;
                continue;
            }
            const int status = all_[i].status();
            if (any_was_started_) last_end_ = concat({"ssh ", hosts_[i].name, ": ", end_of(status)});
            const bool hopeless = WIFEXITED(status) && exit_codes::is_hopeless(WEXITSTATUS(status));
            if (hopeless || starts_[i] >= most_starts) continue;
            any_hope = true;
            if (now - begun_[i] >= std::chrono::seconds(2)) begin(i);
        }
        return any_hope ? std::string() : last_words();
    }

    void note_success() override {
        for (int& each : starts_)
            if (each > 1) each = 1;
    }

    std::string last_words() const override {
        const std::string command =
            hosts_.empty() ? "" : concat({"ssh ", hosts_[0].name, " ", remote_command(hosts_[0])});
        return concat({last_end_.empty() ? "nothing is known of the workers" : last_end_,
                       "; to try it by hand: ", command, " (and then the key as a line of input)"});
    }

private:
    static constexpr std::size_t most_at_once = 8;
    static constexpr int most_starts = 5;

    std::string remote_command(const ssh_host& host) const {
        const int slots = host.slots > 0 ? host.slots : order_.slots;
        return concat({"exec ", shell_quoted(path_), " ", as_typed(worker_words(order_, slots)),
                       order_.key.empty() ? " --plain" : " --key-fd 0", " --exit-on-stdin-eof"});
    }

    void begin(std::size_t which) {
        if (starts_.size() < all_.size()) {
            starts_.resize(all_.size());
            begun_.resize(all_.size());
        }
        std::vector<std::string> words = program_;
        words.push_back(hosts_[which].name);
        words.push_back(remote_command(hosts_[which]));
        ++starts_[which];
        begun_[which] = clock::now();
        const int error =
            all_[which].start(words, "FANOUT_LAUNCHER=ssh", order_.key.empty() ? "\n" : order_.key + "\n");
        any_was_started_ = any_was_started_ || error == 0;
        if (error == 0) return;
        starts_[which] = most_starts;
        last_end_ = concat({program_.front(), " could not be started: ", std::generic_category().message(error)});
    }

    const worker_order order_;
    const std::vector<ssh_host> hosts_;
    const std::vector<std::string> program_;
    const std::string path_;
    std::vector<child_program> all_;
    std::vector<int> starts_;
    std::vector<clock::time_point> begun_;
    bool any_was_started_ = false;
    std::string last_end_;
};

class ssh_launcher final : public launcher_base {
public:
    ssh_launcher(const std::vector<std::string>& hosts, std::vector<std::string> program, std::string path)
        : program_(std::move(program)), path_(std::move(path)) {
        if (hosts.empty())
            throw std::invalid_argument("fanout: ssh needs machines: ssh{.hosts = {\"node1\", \"8/user@node2\"}}");
        if (program_.empty())
            throw std::invalid_argument("fanout: ssh.command has no words; leave it out, or give {\"ssh\", \"-T\"}");
        for (const std::string& each : hosts) hosts_.push_back(ssh_host::parse(each));
    }

    std::unique_ptr<launched_workers> launch(const worker_order& order) const override {
        return std::make_unique<ssh_workers>(order, hosts_, program_, path_.empty() ? own_path() : path_);
    }

private:
    std::vector<ssh_host> hosts_;
    const std::vector<std::string> program_;
    const std::string path_;
};

}  // namespace detail

/// One worker on each of these machines, started through ssh without asking for anything: keys and known hosts have to
/// be in order. The key goes over ssh's input. A worker ends when its ssh does.
///
///     parallel(20, tcp{.workers = ssh{.hosts = {"node1", "8/user@node2"}}})
struct ssh {
    /// "host", "user@host", "8/user@host" for 8 slots.
    std::vector<std::string> hosts = {};

    /// The program over there: the same file. Not set: where it is here.
    std::string program = {};

    /// How ssh is called.
    std::vector<std::string> command = {"ssh", "-o", "BatchMode=yes", "-T"};

    /// Throws `std::invalid_argument` for what names no machine.
    std::shared_ptr<const detail::launcher_base> make_launcher() const {
        return std::make_shared<const detail::ssh_launcher>(hosts, command, program);
    }
};

}  // namespace fanout
