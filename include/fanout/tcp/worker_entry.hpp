// How a program becomes a worker: what it is started with, and the ways in which it ends.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "fanout/core/clock.hpp"
#include "fanout/core/concat.hpp"
#include "fanout/launch/exit_codes.hpp"
#include "fanout/launch/launcher.hpp"
#include "fanout/tcp/address.hpp"
#include "fanout/tcp/worker_session.hpp"

namespace fanout {

namespace detail {

/// What a worker was started with.
struct worker_command {
    std::vector<address> coordinator;
    worker_settings settings;
    conversation talk;
    clock::duration reconnect = std::chrono::seconds(30);

    /// Empty: this program was not started as a worker. Throws `std::invalid_argument` for what makes no sense.
    static std::optional<worker_command> parse(int argc, const char* const* argv) {
        const char* addresses = std::getenv("FANOUT_COORDINATOR");
        if (argc > 1 && std::strcmp(argv[1], "--fanout-worker") == 0) {
            if (argc < 3)
                throw std::invalid_argument("--fanout-worker needs the address of the coordinator, host:port");
            addresses = argv[2];
        } else if (!addresses) {
            return std::nullopt;
        } else {
            argc = 0;  // the arguments are those of the program
        }
        worker_command result;
        result.coordinator = address::parse_list(addresses);
        result.talk.mine = role::worker;
        result.settings.grace = std::chrono::seconds(25);
        std::string key;
        for (int i = 3; i < argc; ++i) {
            const std::string option = argv[i];
            if (option == "--plain" || option == "--exit-on-stdin-eof") {
                if (option == "--plain")
                    result.talk.security = security_mode::plain;
                else
                    result.settings.lifeline = 0;
                continue;
            }
            if (i + 1 == argc) throw std::invalid_argument(option + " needs a value");
            const char* const value = argv[++i];
            if (option == "--slots")
                result.settings.slots = static_cast<int>(number(option, value, 1, most_slots));
            else if (option == "--grace")
                result.settings.grace = std::chrono::seconds(number(option, value, 0, 1'000'000));
            else if (option == "--lifetime")
                result.settings.end_of_life =
                    clock::now() + std::chrono::seconds(number(option, value, 1, 100'000'000));
            else if (option == "--reconnect")
                result.reconnect = std::chrono::seconds(number(option, value, 0, 1'000'000));
            else if (option == "--parent")
                result.settings.parent = number(option, value, 1, 1L << 30);
            else if (option == "--job")
                read_job(value, result.talk.job);
            else if (option == "--key-file")
                key = key_in_file(value);
            else if (option == "--key-fd")
                key = key_from(static_cast<int>(number(option, value, 0, 1'000'000)));
            else
                throw std::invalid_argument(
                    option +
                    " is no option of a worker; there are --slots, --grace, --lifetime, --reconnect, --parent, --job, "
                    "--key-file, --key-fd, --exit-on-stdin-eof and --plain");
        }
        if (result.talk.security == security_mode::tls) {
            if (key.empty())
                if (const char* const file = std::getenv("FANOUT_KEY_FILE")) key = key_in_file(file);
            if (key.empty())
                if (const char* const given = std::getenv("FANOUT_KEY")) key = given;
            if (key.empty())
                throw std::invalid_argument(
                    "the key of the coordinator is missing; give it with --key-file, on a descriptor with --key-fd, or "
                    "in "
                    "the environment as FANOUT_KEY_FILE or FANOUT_KEY");
            if (!secret_key::parse(key, result.talk.key))
                throw std::invalid_argument("this is no key: a key is 64 hexadecimal digits");
        }
        return result;
    }

private:
    static long number(const std::string& option, const char* text, long least, long most) {
        char* end = nullptr;
        errno = 0;
        const long value = std::strtol(text, &end, 10);
        if (errno != 0 || end == text || *end != '\0' || value < least || value > most)
            throw std::invalid_argument(concat({option, " ", text, " makes no sense; give a whole number from ",
                                                std::to_string(least), " to ", std::to_string(most)}));
        return value;
    }

    static void read_job(const char* text, job_number& to) {
        if (!job_number::parse(text, to))
            throw std::invalid_argument(
                concat({"--job ", text, " is no number of a job, which is 32 hexadecimal digits"}));
    }

    static std::string key_in_file(const char* path) {
        const descriptor file(open(path, O_RDONLY | O_CLOEXEC));
        struct stat about{};
        if (!file || fstat(file.number(), &about) != 0)
            throw std::invalid_argument(concat(
                {"the file with the key, ", path, ", cannot be read: ", std::generic_category().message(errno)}));
        if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0)
            throw std::invalid_argument(
                concat({"others may read the file with the key, ", path, "; chmod 600 it, and make a new key"}));
        return key_from(file.number());
    }

    /// One line, or to the end.
    static std::string key_from(int number) {
        std::string text;
        char each = 0;
        while (text.size() < 1000) {
            const ssize_t got = read(number, &each, 1);
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0 || each == '\n') break;
            text += each;
        }
        return text;
    }
};

inline void note_wish_to_leave(int signal) {
    asked_to_leave.store(signal == SIGHUP ? 2 : 1, std::memory_order_relaxed);
}

inline void listen_to_signals(bool has_parent) {
    struct sigaction action{};
    action.sa_handler = note_wish_to_leave;
    action.sa_flags = SA_RESTART;
    for (const int each : {SIGTERM, SIGUSR1, SIGHUP}) sigaction(each, &action, nullptr);
    // Ctrl-C goes to all processes of a terminal; the parent decides what it means.
    if (has_parent) action.sa_handler = SIG_IGN;
    sigaction(SIGINT, &action, nullptr);
}

class worker_life {
public:
    explicit worker_life(const worker_command& how) : how_(how) {}

    /// To the end. Gives the exit code.
    int live() {
        listen_to_signals(how_.settings.parent != 0);
        auto lost_at = clock::now();
        auto pause = std::chrono::milliseconds(100);
        for (;;) {
            const auto left = how_.reconnect - (clock::now() - lost_at);
            if (asked_to_leave.load() != 0 || has_reached_its_end(how_.settings.lifeline)) return exit_codes::done;
            if (descriptor socket = connect_somewhere()) {
                worker_session session(how_.settings);
                const worker_session::end how = session.serve(std::move(socket), how_.talk);
                const int code = worker_session::exit_code_of(how);
                if (exit_codes::is_hopeless(code)) return say(code, session.why());
                if (how != worker_session::end::lost) return code;
                why_ = session.why();
                if (session.was_welcome()) {
                    lost_at = clock::now();
                    pause = std::chrono::milliseconds(1000);
                }
            }
            if (parent_is_gone() || left <= clock::duration::zero()) return give_up();
            wait(pause < left ? pause : std::chrono::duration_cast<std::chrono::milliseconds>(left));
            if (pause < std::chrono::seconds(8)) pause *= 2;
        }
    }

private:
    bool parent_is_gone() const { return how_.settings.parent != 0 && getppid() != how_.settings.parent; }

    descriptor connect_somewhere() {
        for (const address& each : how_.coordinator) {
            try {
                if (descriptor socket = connect_to(each, 5000, why_)) return socket;
            } catch (const std::invalid_argument& e) {  // perhaps the name will be known later
                why_ = e.what();
            }
        }
        return {};
    }

    static void wait(std::chrono::milliseconds time) {
        const timespec pause{static_cast<time_t>(time.count() / 1000),
                             static_cast<long>(time.count() % 1000 * 1'000'000)};
        nanosleep(&pause, nullptr);
    }

    int give_up() const {
        std::string tried;
        for (const address& each : how_.coordinator) tried += (tried.empty() ? "" : ", ") + each.text();
        return say(exit_codes::coordinator_lost, concat({"there is no coordinator at ", tried, ": ", why_}));
    }

    static int say(int code, const std::string& why) {
        std::fprintf(stderr, "fanout: worker on %s (pid %d) ends: %s\n", host_name().c_str(), int(getpid()),
                     why.c_str());
        return code;
    }

    const worker_command& how_;
    std::string why_;
};

}  // namespace detail

/// The first thing in `main` of a program that uses `tcp`:
///
///     if (auto status = fanout::worker_entry(argc, argv)) return *status;
///
/// Empty if the program was started as itself. If it was started as a worker, which a launcher does, it works for its
/// coordinator until that has nothing more to do, and gives the exit code for `main` to return:
///
///      0  done, or asked to leave (SIGTERM, SIGUSR1, end of life) with nothing lost
///     75  the coordinator is lost, or has never been found: start it again
///     77  another key
///     78  another build of the program, or a command line that makes no sense: never start it again like this
///    143  asked to leave, and what was running had to be killed
[[nodiscard("main() ends with it: if (auto status = fanout::worker_entry(argc, argv)) return *status;")]]
inline std::optional<int> worker_entry(int argc, const char* const* argv) {
    std::optional<detail::worker_command> command;
    try {
        command = detail::worker_command::parse(argc, argv);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "fanout: this worker cannot start: %s\n", e.what());
        return detail::exit_codes::rejected;
    }
    if (!command) return std::nullopt;
    for (const char* each : {"FANOUT_WORKER", "FANOUT_COORDINATOR", "FANOUT_KEY", "FANOUT_KEY_FILE"}) unsetenv(each);
    // What was on it has been read; tasks find it empty.
    if (command->settings.lifeline == 0) command->settings.lifeline = fcntl(0, F_DUPFD_CLOEXEC, 3);
    if (const detail::descriptor empty(open("/dev/null", O_RDONLY | O_CLOEXEC)); empty) dup2(empty.number(), 0);
    int status = detail::exit_codes::coordinator_lost;
    try {
        status = detail::worker_life(*command).live();
    } catch (const std::exception& e) {
        std::fprintf(stderr, "fanout: this worker cannot go on: %s\n", e.what());
    }
    // A main that goes on although its time as a worker is over would start workers that go on as well, and so forth.
    setenv("FANOUT_WORKER", "1", 1);
    return status;
}

}  // namespace fanout
