// What tasks in other processes have done, told to the test that has started them.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>

/// A folder that is gone at the end, for notes of processes that may be killed.
class notes {
public:
    notes() {
        char name[] = "/tmp/fanout-test-XXXXXX";
        path_ = mkdtemp(name);
    }
    ~notes() { std::filesystem::remove_all(path_); }

    std::string path() const { return path_; }

    /// In any process. Each note is counted.
    static void leave(const std::string& in, int about) {
        char name[256];
        std::snprintf(name, sizeof name, "%s/%d-%d-XXXXXX", in.c_str(), about, int(getpid()));
        close(mkstemp(name));
    }
    int count(int about) const { return count_in(path_, about); }
    static int count_in(const std::string& folder, int about) {
        int found = 0;
        for (const auto& each : std::filesystem::directory_iterator(folder))
            found += each.path().filename().string().starts_with(std::to_string(about) + "-");
        return found;
    }

private:
    std::string path_;
};

/// For a lambda, which may capture what is trivially copyable.
struct short_text {
    char text[64] = {};
    short_text(const std::string& of) { of.copy(text, sizeof text - 1); }
    operator std::string() const { return text; }
};
