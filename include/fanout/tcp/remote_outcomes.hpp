// What comes back from workers, on its way into the job: results, exceptions, and what was lost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "fanout/core/backend.hpp"
#include "fanout/core/concat.hpp"
#include "fanout/core/errors.hpp"
#include "fanout/core/portable_tasks.hpp"
#include "fanout/processes/verdicts.hpp"
#include "fanout/serialize/memory.hpp"
#include "fanout/tcp/company.hpp"
#include "fanout/tcp/messages.hpp"
#include "fanout/tcp/run_inbox.hpp"
#include "fanout/tcp/run_settings.hpp"
#include "fanout/tcp/schedule.hpp"

namespace fanout::detail {

/// One per call, for the thread that runs it. A chunk is asked of the schedule before anything of it is stored, and is
/// finished there when it has been: so nothing is stored twice, whoever sends it.
class remote_outcomes {
public:
    remote_outcomes(const job& work, portable_tasks& tasks, schedule& plan, const run_settings& how)
        : work_(work), tasks_(tasks), schedule_(plan), how_(how) {}

    void begin(std::uint64_t run) noexcept { run_ = run; }

    /// How many chunks have come.
    std::size_t results() const noexcept { return results_; }

    void fail(std::size_t task, const std::exception_ptr& why) {
        tasks_.store_failure(described_failure({.index = tasks_.index_of(task), .backend = "tcp"}, why));
    }

    /// Of a message that begins with this frame. Nothing is stored if the worker has not got the chunk, or not any
    /// more. Throws `serialization_error` if the function cannot be made there.
    void take_result(run_inbox& inbox, run_event event) {
        const std::shared_ptr<peer> by = event.from;
        result_header header;
        std::size_t at = 0;
        const bool whole = take_raw(event.got.payload, at, header);
        arriving_message message(work_, inbox, by, std::move(event.got), at);
        const auto index = static_cast<std::size_t>(header.first);
        if (!whole || header.run != run_ || !schedule_.has_in_flight(by->number, index)) {
            message.skip_rest();
            if (whole && header.run == run_) schedule_.came_late(by->number, index);
            return;
        }
        ++results_;
        switch (header.kind) {
            case result_header::what::value:
                return take_value(*by, index, header, message);
            case result_header::what::exception:
                return take_exception(*by, index, header, message);
            case result_header::what::several:
                return take_several(*by, index, header, message);
            case result_header::what::refused:
                throw serialization_error(text_in(message));
        }
        message.skip_rest();
    }

    void take_failure(const peer& by, const failed_message& what) {
        if (what.run != run_) return;
        if (!schedule_.finish(by.number, static_cast<std::size_t>(what.index)))
            return schedule_.came_late(by.number, static_cast<std::size_t>(what.index));
        failure known = known_of(by, static_cast<std::size_t>(what.index), what.slot, static_cast<long>(what.pid));
        known.type = what.type;
        known.what = what.what;
        known.signal = what.signal;
        known.attempts = what.attempts;
        known.peak_memory = static_cast<std::size_t>(what.peak_memory);
        if (what.overdue)
            known.exception = std::make_exception_ptr(task_timeout(known.index, what.text));
        else if (what.type == "fanout::worker_lost")
            known.exception = std::make_exception_ptr(worker_lost(known, what.text));
        else
            known.exception = std::make_exception_ptr(std::runtime_error(what.text));
        tasks_.store_failure(std::move(known));
    }

    void take_back(const peer& by, const returned_message& what) {
        if (what.run != run_) return;
        const auto losses =
            schedule_.broke(by.number, static_cast<std::size_t>(what.first), static_cast<std::size_t>(what.culprit));
        for (const task_chunk& each : losses.failed) store_lost(by, each, "one of its processes has died");
    }

    /// The worker is gone, with what it had.
    void lose(const peer& whom, const std::string& why) {
        for (const task_chunk& each : schedule_.lose(whom.number).failed) store_lost(whom, each, why);
    }

private:
    static std::string text_in(byte_source& message) {
        try {
            return reader(message).read<std::string>();
        } catch (const decode_error& e) {
            return e.what();
        }
    }

    void store_lost(const peer& by, const task_chunk& what, const std::string& why) {
        failure known = known_of(by, what.first);
        known.attempts = what.attempts;
        tasks_.store_failure(lost_failure(
            std::move(known), how_.retries + 1, "lost its worker", concat({"the one on ", by.host, ": ", why}),
            "look whether the task ends processes other than its own, or the machine went away",
            tasks_.collects_failures()));
    }

    failure known_of(const peer& by, std::size_t task, int slot = 0, long pid = 0) const {
        return {.index = tasks_.index_of(task),
                .worker = by.first_slot + slot,
                .pid = pid == 0 ? by.pid : pid,
                .host = by.host,
                .backend = "tcp"};
    }

    void take_value(const peer& by, std::size_t index, const result_header& header, arriving_message& message) {
        std::exception_ptr thrown;
        std::int64_t took = 0;
        try {
            tasks_.store_written(index, message);
        } catch (...) {
            thrown = std::current_exception();
        }
        if (!thrown) {
            try {
                message.read(&took, sizeof took);
            } catch (const decode_error&) {  // it was stored, and that is what counts
            }
        }
        const bool came = message.skip_rest();
        if (thrown && !came) {  // taken back, or its worker is lost: it is still in flight
            --results_;
            return;
        }
        schedule_.finish(by.number, index);
        if (!thrown) return schedule_.took(1, static_cast<double>(took));
        failure known = known_of(by, index, static_cast<int>(header.slot), static_cast<long>(header.pid));
        tasks_.store_failure(described_failure(std::move(known), thrown));
    }

    void take_exception(const peer& by, std::size_t index, const result_header& header, arriving_message& message) {
        // Of the whole chunk: there was no memory to keep the results, perhaps. Its tasks go on one by one.
        if (schedule_.count_in_flight(by.number, index) > 1) {
            if (message.skip_rest()) put_back_from(by, index, 0);
            return;
        }
        failure known = known_of(by, index, static_cast<int>(header.slot), static_cast<long>(header.pid));
        known.attempts = header.attempts;
        known = with_memory_limit(std::move(known), how_.memory_limit);
        try {
            tasks_.store_exception(known, message);
        } catch (...) {
            const std::exception_ptr thrown = std::current_exception();
            if (!message.skip_rest()) return;
            tasks_.store_failure(described_failure(std::move(known), thrown));
        }
        message.skip_rest();
        schedule_.finish(by.number, index);
    }

    /// Each with a byte that says whether it is an exception, and its length.
    void take_several(const peer& by, std::size_t first, const result_header& header, arriving_message& message) {
        const std::size_t count = schedule_.count_in_flight(by.number, first);
        std::size_t done = 0;
        std::string bytes;
        std::int64_t took = 0;
        try {
            for (; done < count; ++done) {
                std::uint8_t is_exception = 0;
                std::uint64_t length = 0;
                message.read(&is_exception, 1);
                if (is_exception == company_ends) break;
                message.read(&length, sizeof length);
                bytes.clear();
                while (bytes.size() < length) {  // as they come, whatever the length says
                    const std::size_t before = bytes.size();
                    const std::size_t part = length - before < (1u << 20) ? length - before : (1u << 20);
                    bytes.resize(before + part);
                    message.read(bytes.data() + before, part);
                }
                store_one(by, first + done, header, is_exception != 0, bytes);
                if (work_.stopping()) break;
            }
            if (done == count) message.read(&took, sizeof took);
        } catch (const decode_error&) {
        }
        message.skip_rest();
        if (done < count) return put_back_from(by, first, done);
        if (schedule_.finish(by.number, first)) schedule_.took(count, static_cast<double>(took));
    }

    /// Of a chunk the first `done` tasks have been stored. What did not come is not done.
    void put_back_from(const peer& by, std::size_t first, std::size_t done) {
        std::optional<task_chunk> finished = schedule_.finish(by.number, first);
        if (!finished) return;
        std::vector<task_chunk> parts = split(std::move(*finished));
        for (std::size_t i = parts.size(); i-- > done;) schedule_.put_back(std::move(parts[i]));
    }

    void store_one(const peer& by, std::size_t index, const result_header& header, bool is_exception,
                   const std::string& bytes) {
        memory_source source(bytes.data(), bytes.size());
        failure known = known_of(by, index, static_cast<int>(header.slot), static_cast<long>(header.pid));
        try {
            if (is_exception)
                tasks_.store_exception(with_memory_limit(known, how_.memory_limit), source);
            else
                tasks_.store_written(index, source);
        } catch (...) {
            tasks_.store_failure(described_failure(std::move(known), std::current_exception()));
        }
    }

    const job& work_;
    portable_tasks& tasks_;
    schedule& schedule_;
    const run_settings& how_;
    std::uint64_t run_ = 0;
    std::size_t results_ = 0;
};

}  // namespace fanout::detail
