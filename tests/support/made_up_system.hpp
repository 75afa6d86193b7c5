// Files that pose as those of another system.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

/// A directory that poses as the root of a system.
class made_up_system {
public:
    made_up_system() {
        std::string name = (std::filesystem::temp_directory_path() / "fanout_system_XXXXXX").string();
        if (!mkdtemp(name.data())) throw std::runtime_error("mkdtemp failed");
        root_ = name;
    }
    made_up_system(const made_up_system&) = delete;
    made_up_system& operator=(const made_up_system&) = delete;
    ~made_up_system() { std::filesystem::remove_all(root_); }

    made_up_system& file(const std::string& path, const std::string& text) {
        std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
        std::ofstream(root_ + path) << text;
        return *this;
    }

    const std::string& root() const { return root_; }

private:
    std::string root_;
};

inline const std::string v2_mount = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

/// The own group is /a/b/c of version 2.
inline void be_in_abc(made_up_system& system) {
    system.file("/proc/self/cgroup", "0::/a/b/c\n");
    system.file("/proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" + v2_mount);
}
