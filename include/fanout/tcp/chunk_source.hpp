// Tasks on their way out: claimed, written as bytes, and put together in chunks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "fanout/core/backend.hpp"
#include "fanout/core/owned.hpp"
#include "fanout/core/portable_tasks.hpp"
#include "fanout/core/remote_tasks.hpp"
#include "fanout/processes/feeder.hpp"
#include "fanout/processes/verdicts.hpp"
#include "fanout/serialize/memory.hpp"
#include "fanout/tcp/messages.hpp"
#include "fanout/tcp/schedule.hpp"

namespace fanout::detail {

/// For the thread that runs a call. Tasks whose elements cannot be written fail here.
class chunk_source {
public:
    chunk_source(job& work, portable_tasks& tasks, remote_tasks& remote)
        : work_(work), tasks_(tasks), remote_(remote) {}

    /// An input that is read only once is read by a thread of its own, `ahead` elements ahead, which rings.
    void begin(const bell& caller, int ahead) {
        if (work_.size()) return;
        feeder_ = owned<feeder>(new feeder(work_, tasks_, caller, ahead));
        feeder_->start();
    }

    /// The next chunk, of at most so many tasks; none if there is none now.
    std::optional<task_chunk> take(std::size_t most) {
        while (ready_.empty())
            if (!(feeder_ ? take_fed() : write_more(most))) return std::nullopt;
        task_chunk next = std::move(ready_.front());
        ready_.pop_front();
        return next;
    }

    /// Everything has been read and taken.
    bool is_exhausted() {
        if (!ready_.empty()) return false;
        return feeder_ ? feeder_->is_exhausted() : exhausted_ || work_.unclaimed() == 0;
    }

    /// What has been read and not taken fails with that.
    void give_back(const std::exception_ptr& why) {
        for (const task_chunk& each : ready_) fail(each.first, why);
        ready_.clear();
        if (!feeder_) return;
        while (const owned<fed_task> task = feeder_->take()) fail(task->index, why);
    }

    /// Waits until the user's input has come back.
    void end() { feeder_ = {}; }

private:
    static constexpr std::size_t longest_in_company = 256 << 10;

    bool take_fed() {
        owned<fed_task> task = feeder_->take();
        if (!task) return false;
        if (task->broken)
            fail(task->index, task->broken);
        else
            add_one(task->index, std::move(task->bytes));
        return true;
    }

    /// Claims tasks, and writes them as chunks. False: there are none any more.
    bool write_more(std::size_t most) {
        const task_range tasks = work_.claim(most);
        if (!tasks) return !(exhausted_ = true);
        task_chunk now{tasks.first, 0, 0, {}};
        const auto begin_at = [&](std::size_t next) {
            if (now.count == 1) now.bytes.erase(0, sizeof(std::uint32_t));  // one task has no length in front of it
            if (now.count > 0) ready_.push_back(std::move(now));
            now = {next, 0, 0, {}};
        };
        for (std::size_t i = tasks.first; i < tasks.last; ++i) {
            sink_->clear();
            try {
                remote_.write_task(i, *sink_);
            } catch (...) {
                fail(i, std::current_exception());
                begin_at(i + 1);
                continue;
            }
            const std::string_view bytes(reinterpret_cast<const char*>(sink_->data()), sink_->size());
            if (bytes.size() > longest_in_company) {
                begin_at(i);
                add_one(i, std::string(bytes));
                sink_.emplace();  // what was needed for this one is not to be kept for ever
                begin_at(i + 1);
                continue;
            }
            append_raw(now.bytes, static_cast<std::uint32_t>(bytes.size()));
            now.bytes += bytes;
            ++now.count;
            if (now.bytes.size() > longest_in_company) begin_at(i + 1);
        }
        begin_at(tasks.last);
        return true;
    }

    void add_one(std::size_t index, std::string bytes) {
        task_chunk one{index, 1, 0, {}};
        if (bytes.size() > longest_in_company)
            one.long_bytes = std::make_shared<const std::string>(std::move(bytes));
        else
            one.bytes = std::move(bytes);
        ready_.push_back(std::move(one));
    }

    void fail(std::size_t index, const std::exception_ptr& why) {
        tasks_.store_failure(described_failure({.index = index, .backend = "tcp"}, why));
    }

    job& work_;
    portable_tasks& tasks_;
    remote_tasks& remote_;
    std::deque<task_chunk> ready_;
    std::optional<memory_sink> sink_{std::in_place};
    owned<feeder> feeder_;
    bool exhausted_ = false;
};

}  // namespace fanout::detail
