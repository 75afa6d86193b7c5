// The descriptors that a sleeping parent watches.
#pragma once

#include <poll.h>
#include <time.h>

#include <cstddef>

#include "fanout/core/clock.hpp"

namespace fanout::detail {

/// Room for `most`, got once.
class watch_list {
public:
    explicit watch_list(std::size_t most) : all_(new pollfd[most]) {}
    watch_list(const watch_list&) = delete;
    watch_list& operator=(const watch_list&) = delete;
    ~watch_list() { delete[] all_; }

    void clear() noexcept { size_ = 0; }
    void add(int descriptor) noexcept { all_[size_++] = {descriptor, POLLIN, 0}; }

    std::size_t size() const noexcept { return size_; }
    int operator[](std::size_t i) const noexcept { return all_[i].fd; }

    /// Sleeps until there is something about one of them, or the time is up, or a signal has come: then false.
    bool wait(clock::duration longest) noexcept {
        const auto second = seconds(1).count();
        const timespec limit{static_cast<time_t>(longest.count() / second),
                             static_cast<long>(longest.count() % second)};
        return ppoll(all_, size_, &limit, nullptr) > 0;
    }

    /// Whether there was something about this one. After a wait that was true.
    bool is_noticed(std::size_t i) const noexcept { return all_[i].revents != 0; }

private:
    pollfd* all_;
    std::size_t size_ = 0;
};

}  // namespace fanout::detail
