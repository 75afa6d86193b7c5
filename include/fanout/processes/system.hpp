// The system calls that worker processes need, in a form that leaks nothing and that signals do not disturb.
#pragma once

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>

#include "fanout/core/exchanged.hpp"

namespace fanout::detail {

[[noreturn]] inline void throw_system_error(int error, const std::string& what) {
    throw std::system_error(error, std::generic_category(), what);
}

/// Owns a file descriptor.
class descriptor {
public:
    descriptor() = default;
    explicit descriptor(int number) noexcept : number_(number) {}
    descriptor(descriptor&& moved) noexcept : number_(exchanged(moved.number_, -1)) {}
    descriptor& operator=(descriptor&& moved) noexcept {
        if (this != &moved) {
            close();
            number_ = exchanged(moved.number_, -1);
        }
        return *this;
    }
    ~descriptor() { close(); }

    int number() const noexcept { return number_; }
    explicit operator bool() const noexcept { return number_ >= 0; }

    void close() noexcept {
        if (number_ >= 0) ::close(exchanged(number_, -1));  // after EINTR it is closed too: never again
    }

private:
    int number_ = -1;
};

/// What wakes a process that sleeps in poll. Rung by any process or thread that has the descriptor, and by signal
/// handlers; any number of rings that nobody has heard yet count as one.
class bell {
public:
    bell() : eventfd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
        if (!eventfd_)
            throw_system_error(errno,
                               "fanout: processes needs a file descriptor to be woken by, and got none; raise `ulimit "
                               "-n`, or close files");
    }

    int number() const noexcept { return eventfd_.number(); }

    /// False if the descriptor is not ours any more: somebody has closed it, and may have opened something else there.
    bool ring() const noexcept {
        struct stat kind;
        if (fstat(number(), &kind) != 0 || (kind.st_mode & S_IFMT) != 0) return false;  // an eventfd has no file type
        const std::uint64_t one = 1;
        while (write(number(), &one, sizeof one) < 0)
            if (errno != EINTR) return errno == EAGAIN;  // it is as loud as it gets
        return true;
    }

    void silence() const noexcept {
        std::uint64_t rung = 0;
        while (read(number(), &rung, sizeof rung) < 0 && errno == EINTR) {
        }
    }

private:
    descriptor eventfd_;
};

/// Memory without a name that forked children share with their parent. All zero.
class shared_pages {
public:
    explicit shared_pages(std::size_t size) noexcept
        : data_(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)), size_(size) {
        if (data_ == MAP_FAILED) data_ = nullptr;
    }
    shared_pages(shared_pages&& moved) noexcept : data_(moved.data_), size_(moved.size_) { moved.data_ = nullptr; }
    shared_pages& operator=(shared_pages&& moved) noexcept {
        void* const data = data_;
        const std::size_t size = size_;
        data_ = moved.data_;
        size_ = moved.size_;
        moved.data_ = data;
        moved.size_ = size;
        return *this;
    }
    ~shared_pages() {
        if (data_) munmap(data_, size_);
    }

    std::byte* data() const noexcept { return static_cast<std::byte*>(data_); }
    explicit operator bool() const noexcept { return data_ != nullptr; }

private:
    void* data_;
    std::size_t size_;
};

inline std::size_t whole_pages(std::size_t bytes) noexcept {
    static const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    return (bytes + page - 1) / page * page;
}

/// Sleeps while the word, in shared memory, is `expected`: until it is woken, or a signal comes, or so many
/// milliseconds are over. What was waited for has to be looked at again in any case.
inline void sleep_on(const std::atomic<std::uint32_t>& word, std::uint32_t expected, int milliseconds) noexcept {
    const timespec limit{milliseconds / 1000, milliseconds % 1000 * 1'000'000L};
    syscall(SYS_futex, &word, 0 /* FUTEX_WAIT */, expected, &limit, nullptr, 0);
}

inline void wake_sleepers_on(const std::atomic<std::uint32_t>& word) noexcept {
    syscall(SYS_futex, &word, 1 /* FUTEX_WAKE */, 1 << 20, nullptr, nullptr, 0);
}

/// The number behind `name` in a file of lines "name value"; 0 if there is none.
inline std::uint64_t number_after(const std::string& text, const char* name) {
    const std::size_t length = std::char_traits<char>::length(name);
    for (std::size_t at = 0; (at = text.find(name, at)) != text.npos; at += length) {
        if (at > 0 && text[at - 1] != '\n') continue;
        std::size_t digit = text.find_first_not_of(" \t:", at + length);
        if (digit == at + length || digit == text.npos) continue;
        std::uint64_t value = 0;
        for (; digit < text.size() && text[digit] >= '0' && text[digit] <= '9'; ++digit)
            value = value * 10 + static_cast<std::uint64_t>(text[digit] - '0');
        return value;
    }
    return 0;
}

}  // namespace fanout::detail
