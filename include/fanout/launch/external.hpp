// Workers that somebody else starts: by hand, by a script, by a scheduler that fanout does not know.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "fanout/core/concat.hpp"
#include "fanout/launch/environment_variables.hpp"
#include "fanout/launch/last_will.hpp"
#include "fanout/launch/launcher.hpp"
#include "fanout/launch/local.hpp"
#include "fanout/launch/shell_words.hpp"

namespace fanout {

namespace detail {

/// The key in a file that only its owner can read, for workers that share a file system with the coordinator.
class key_file {
public:
    /// An empty path: a new file, which goes away with this object.
    key_file(std::string path, const std::string& key) : path_(std::move(path)) {
        int number = -1;
        if (path_.empty()) {
            path_ = concat({folder_of_temporary_files(), "/fanout-key-XXXXXX"});
            number = mkostemp(path_.data(), O_CLOEXEC);
        } else {
            unlink(path_.c_str());  // what is there may be somebody else's, and readable by all
            number = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        }
        const std::string line = key + "\n";
        const ssize_t written = number >= 0 ? write(number, line.data(), line.size()) : -1;
        const int error = written < 0 ? errno : ENOSPC;
        if (number >= 0) close(number);
        if (written != static_cast<ssize_t>(line.size())) {
            if (number >= 0) unlink(path_.c_str());
            throw std::system_error(error, std::generic_category(),
                                    concat({"fanout: the key could not be written to ", path_}));
        }
        remover_ = std::make_unique<last_will>(std::vector<std::string>{"rm", "-f", "--", path_});
    }
    key_file(const key_file&) = delete;
    key_file& operator=(const key_file&) = delete;
    ~key_file() {
        if (getpid() != owner_) return;  // a forked child has this object too
        unlink(path_.c_str());
    }

    const std::string& path() const noexcept { return path_; }

private:
    std::string path_;
    const pid_t owner_ = getpid();
    std::unique_ptr<const last_will> remover_;
};

class external_workers final : public launched_workers {
public:
    external_workers(const worker_order& order, const std::string& path, bool quiet)
        : key_(order.key.empty() ? nullptr : std::make_unique<key_file>(path, order.key)) {
        command_ = concat({as_typed({own_path()}), " ", as_typed(worker_words(order, order.slots))});
        command_ += key_ ? " --key-file " + as_typed({key_->path()}) : " --plain";
        if (!quiet)
            std::fprintf(stderr, "fanout: waiting for workers. Start each of them, on any machine, with:\n\n    %s\n\n",
                         command_.c_str());
    }

    std::string keep_up() override { return {}; }
    std::string last_words() const override { return "start workers, on any machine, with: " + command_; }

private:
    const std::unique_ptr<key_file> key_;
    std::string command_;
};

class external_launcher final : public launcher_base {
public:
    external_launcher(std::string path, bool quiet) : path_(std::move(path)), quiet_(quiet) {}

    std::unique_ptr<launched_workers> launch(const worker_order& order) const override {
        return std::make_unique<external_workers>(order, path_, quiet_);
    }

private:
    const std::string path_;
    const bool quiet_;
};

}  // namespace detail

/// Workers that are started by somebody else, who is told with which command. They may come and go at any time.
struct external {
    /// Where the key is left for them, readable by its owner only; it goes away with the workers. Not set: a new file
    /// in $TMPDIR. Workers on machines with another file system get it in another way: as `FANOUT_KEY`, for example.
    std::string key_file = {};

    /// Do not print the command.
    bool quiet = false;

    std::shared_ptr<const detail::launcher_base> make_launcher() const {
        return std::make_shared<const detail::external_launcher>(key_file, quiet);
    }
};

}  // namespace fanout
