// What another program writes, read while it is being written.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <string>
#include <utility>

#include "fanout/core/exchanged.hpp"

namespace fanout::detail {

/// A file without a name, in memory, so that whoever writes to it never waits for its reader. What has been read is
/// given back to the system.
class output_file {
public:
    output_file() : number_(memfd_create("fanout-output", MFD_CLOEXEC)) {}
    output_file(output_file&& moved) noexcept
        : number_(exchanged(moved.number_, -1)), read_(moved.read_), tail_(std::move(moved.tail_)) {}
    output_file& operator=(output_file&&) = delete;
    ~output_file() {
        if (number_ >= 0) close(number_);
    }

    /// For the writer; -1 if there is none, and then nothing will be known of what is written.
    int number() const noexcept { return number_; }

    /// What has been written since the last time.
    std::string news() {
        struct stat about{};
        if (number_ < 0 || fstat(number_, &about) != 0 || about.st_size <= read_) return {};
        std::string fresh(static_cast<std::size_t>(about.st_size - read_), '\0');
        const ssize_t got = pread(number_, fresh.data(), fresh.size(), read_);
        fresh.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        const off_t page = 4096;
        read_ += got > 0 ? got : 0;
        fallocate(number_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, read_ / page * page);
        tail_ += fresh;
        if (tail_.size() > longest_tail) tail_.erase(0, tail_.size() - longest_tail);
        return fresh;
    }

    /// Passes the news on to our own standard error.
    void pass_on() {
        if (const std::string fresh = news(); !fresh.empty()) std::fwrite(fresh.data(), 1, fresh.size(), stderr);
    }

    /// The end of what has been read so far, without line breaks behind it.
    std::string tail() const {
        const std::size_t last = tail_.find_last_not_of(" \n\r\t");
        return last == tail_.npos ? std::string() : tail_.substr(0, last + 1);
    }

private:
    static constexpr std::size_t longest_tail = 2000;

    int number_;
    off_t read_ = 0;
    std::string tail_;
};

}  // namespace fanout::detail
