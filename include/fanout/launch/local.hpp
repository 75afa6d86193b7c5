// Workers on this machine: the program starts itself again. Nothing has to be installed or started before.
#pragma once

#include <unistd.h>

#include <climits>
#include <cstddef>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "fanout/core/clock.hpp"
#include "fanout/core/concat.hpp"
#include "fanout/core/errors.hpp"
#include "fanout/launch/child_program.hpp"
#include "fanout/launch/exit_codes.hpp"
#include "fanout/launch/launcher.hpp"

namespace fanout {

namespace detail {

/// The file that this program was started from. It is started by this name too: /proc/self/exe would be the starter.
inline std::string own_path() {
    char path[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
    return length > 0 ? std::string(path, static_cast<std::size_t>(length)) : std::string("/proc/self/exe");
}

class local_workers final : public launched_workers {
public:
    explicit local_workers(const worker_order& order) : order_(order), all_(static_cast<std::size_t>(order.workers)) {
        for (child_program& each : all_) {
            const int error = start(each);
            if (error != 0)
                throw pool_broken(concat({"fanout: tcp could not start ", own_path(),
                                          " as a worker: ", std::generic_category().message(error)}));
        }
    }
    ~local_workers() override {
        // Those that have come have been told to end, and do. This is for who is still on the way.
        for (child_program& each : all_) each.ask_to_leave();
        const auto until = clock::now() + std::chrono::seconds(3);
        for (child_program& each : all_) {
            each.wait_until(until);
        }
    }

    std::string keep_up() override {
        for (child_program& each : all_) {
            if (!each.has_ended()) continue;
            last_end_ = end_of(each.status());
            const int status = each.status();
            const bool hopeless = WIFEXITED(status) && exit_codes::is_hopeless(WEXITSTATUS(status));
            if (hopeless || ++restarts_ > most_restarts()) return last_words();
            if (const int error = start(each); error != 0) last_end_ = std::generic_category().message(error);
        }
        return {};
    }

    void note_success() override { restarts_ = 0; }

    std::string last_words() const override {
        return concat(
            {"the workers are this program, started again on this machine",
             last_end_.empty() ? "" : "; the last one: ", last_end_,
             "; main() must begin with: if (auto status = fanout::worker_entry(argc, argv)) return *status;"});
    }

private:
    int most_restarts() const noexcept { return 2 * order_.workers + 8; }

    int start(child_program& which) const {
        std::vector<std::string> words = worker_words(order_, order_.slots);
        words.insert(words.begin(), own_path());
        words.insert(words.end(), {"--parent", std::to_string(getpid())});
        if (!order_.key.empty()) {
            words.push_back("--key-fd");
            words.push_back("0");
        } else {
            words.push_back("--plain");
        }
        return which.start(words, "FANOUT_WORKER=1", order_.key.empty() ? "" : order_.key + "\n");
    }

    const worker_order order_;
    std::vector<child_program> all_;
    std::string last_end_;
    int restarts_ = 0;
};

class local_launcher final : public launcher_base {
public:
    std::unique_ptr<launched_workers> launch(const worker_order& order) const override {
        return std::make_unique<local_workers>(order);
    }
    bool is_local() const noexcept override { return true; }
    bool starts_all() const noexcept override { return true; }
};

}  // namespace detail

/// Workers on this machine, as many as the call has n_jobs. They end with the call, or with the object that keeps them.
struct local {
    std::shared_ptr<const detail::launcher_base> make_launcher() const {
        return std::make_shared<const detail::local_launcher>();
    }
};

}  // namespace fanout
