// A folder for what workers that an engine starts have to find: a script, a key; and for what they leave: logs.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "fanout/core/concat.hpp"
#include "fanout/launch/last_will.hpp"

namespace fanout::detail {

/// A folder of our own in one that the machines share. Gone with this object, and with this process.
class job_folder {
public:
    explicit job_folder(const std::string& in) {
        std::error_code error;
        const std::filesystem::path above =
            std::filesystem::absolute(in.empty() ? std::filesystem::path(".") : std::filesystem::path(in), error);
        path_ = (above / ".fanout-XXXXXX").lexically_normal().string();
        if (!mkdtemp(path_.data()))
            throw std::system_error(
                errno, std::generic_category(),
                concat(
                    {"fanout: the key and the logs of the workers need a folder in ", above.string(),
                     ", and it could not be made; run in a folder that all machines share, or give one as .folder"}));
        remover_ = std::make_unique<last_will>(std::vector<std::string>{"rm", "-rf", "--", path_});
    }
    job_folder(const job_folder&) = delete;
    job_folder& operator=(const job_folder&) = delete;
    ~job_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    const std::string& path() const noexcept { return path_; }

    void write(const std::string& name, const std::string& text, int mode) const {
        const std::string whole = concat({path_, "/", name});
        std::ofstream file(whole);
        file << text << std::flush;
        if (!file || chmod(whole.c_str(), static_cast<mode_t>(mode)) != 0)
            throw std::system_error(errno, std::generic_category(), concat({"fanout: cannot write ", whole}));
    }

    void remove(const std::string& name) const { unlink(concat({path_, "/", name}).c_str()); }

    /// The end of the log that was written last: a file that is not one of ours.
    std::string last_log() const {
        std::filesystem::path newest;
        std::filesystem::file_time_type when{};
        std::error_code ignored;
        for (const auto& each : std::filesystem::directory_iterator(path_, ignored)) {
            const std::string name = each.path().filename().string();
            if (name == "worker" || name == "key" || name == "description" || each.file_size(ignored) == 0) continue;
            if (const auto written = each.last_write_time(ignored); newest.empty() || written > when) {
                newest = each.path();
                when = written;
            }
        }
        std::ifstream file(newest, std::ios::ate);
        const std::streamoff size = newest.empty() ? 0 : static_cast<std::streamoff>(file.tellg());
        if (size <= 0) return {};
        const std::streamoff length = size < 1000 ? size : 1000;
        std::string text(static_cast<std::size_t>(length), '\0');
        file.seekg(-length, std::ios::end);
        file.read(text.data(), length);
        return text.substr(0, text.find_last_not_of(" \n\r\t") + 1);
    }

private:
    std::string path_;
    std::unique_ptr<const last_will> remover_;
};

}  // namespace fanout::detail
