// Which tasks go to which worker, and again when they are lost. Knows no clock, no connection and no task: it counts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fanout/core/exchanged.hpp"

namespace fanout::detail {

/// Some tasks in a row, that travel together. Each keeps its own fate: if a chunk breaks, its tasks go on one by one.
struct task_chunk {
    std::size_t first = 0;
    std::size_t count = 1;
    int attempts = 0;        // that have been made, all of which killed
    std::string bytes;       // of one task; of several, each with its length (32 bits) in front
    bool was_begun = false;  // by somebody who was lost with it
    std::shared_ptr<const std::string> long_bytes{};  // of one task, instead: there is one copy of what is long

    std::size_t size() const noexcept { return bytes.size() + (long_bytes ? long_bytes->size() : 0); }
};

/// The tasks of a chunk, each as a chunk of its own.
inline std::vector<task_chunk> split(task_chunk whole) {
    std::vector<task_chunk> parts;
    if (whole.count == 1) {
        parts.push_back(std::move(whole));
        return parts;
    }
    std::size_t at = 0;
    for (std::size_t i = 0; i < whole.count; ++i) {
        std::uint32_t length = 0;
        std::memcpy(&length, whole.bytes.data() + at, sizeof length);
        at += sizeof length;
        parts.push_back({whole.first + i, 1, whole.attempts, whole.bytes.substr(at, length), whole.was_begun});
        at += length;
    }
    return parts;
}

class schedule {
public:
    using worker_id = std::uint64_t;

    struct rules {
        int retries = 2;
        std::optional<std::size_t> batch = {};  // so many to a chunk, because the user said so
        bool one_by_one = false;                // one to a chunk: each has a time limit, or may run only once
        double target = 2e6;                    // nanoseconds that a chunk should take
        double round_trip = 5e5;                // nanoseconds for which there should be something to do on the way
        std::size_t most = 8192;                // to a chunk
    };

    explicit schedule(const rules& how) : how_(how) {}

    void join(worker_id who, int slots) {
        workers_[who].slots = static_cast<std::size_t>(slots);
        slots_ += static_cast<std::size_t>(slots);
    }

    bool knows(worker_id who) const { return workers_.count(who) > 0; }
    std::size_t workers() const noexcept { return workers_.size(); }
    std::size_t slots() const noexcept { return slots_; }

    /// The worker is to get nothing more.
    void drain(worker_id who) {
        const auto found = workers_.find(who);
        if (found != workers_.end()) found->second.drains = true;
    }

    /// Whether a chunk should be sent to it now. `left`: about how many tasks nobody has been given yet.
    bool has_room(worker_id who, std::size_t left) const {
        const auto found = workers_.find(who);
        if (found == workers_.end() || found->second.drains) return false;
        const worker& it = found->second;
        if (it.busy() < it.slots) return true;
        // What may run only once is not sent ahead: if the worker is lost, nobody knows what it had begun. Nor are the
        // last tasks, which would wait there while others have nothing to do. Nor is anything sent behind a task that
        // was blamed for a lost worker: it may have been done, with its result lost because of the one behind it, and
        // must not be blamed for that again and again.
        if (how_.retries == 0 || it.blamed > 0 || left / chunk_of_rules() <= slots_ || it.bytes > most_bytes_ahead)
            return false;
        return it.in_flight.size() < it.slots * (1 + ahead());
    }

    /// How many tasks the next chunk should have.
    std::size_t next_size(std::size_t left) const {
        if (how_.one_by_one) return 1;
        if (how_.batch) return *how_.batch;
        const std::size_t share = slots_ == 0 ? 1 : left / (4 * slots_) + 1;
        return share < chunk_ ? share : chunk_;
    }

    void sent(worker_id to, task_chunk what) {
        in_flight_ += what.count;
        worker& its = workers_[to];
        its.bytes += what.size();
        its.blamed += what.attempts > 0;
        its.was_asked = false;
        its.in_flight.push_back(std::move(what));
    }

    /// A chunk that has to be sent again.
    std::optional<task_chunk> take_again() {
        if (again_.empty()) return std::nullopt;
        task_chunk next = std::move(again_.front());
        again_.pop_front();
        return next;
    }
    bool has_again() const noexcept { return !again_.empty(); }

    /// What has come of this chunk is to be used: it was in this worker's hands. It is in nobody's any more.
    std::optional<task_chunk> finish(worker_id by, std::size_t first) {
        std::optional<task_chunk> finished = take_from(by, first);
        if (finished && twins_ > 0) drop_twin(first);
        return finished;
    }

    bool has_in_flight(worker_id by, std::size_t first) const { return count_in_flight(by, first) > 0; }
    std::size_t count_in_flight(worker_id by, std::size_t first) const {
        const auto found = workers_.find(by);
        if (found == workers_.end()) return 0;
        for (const task_chunk& each : found->second.in_flight)
            if (each.first == first) return each.count;
        return 0;
    }

    /// One that is not done, wherever it is. For the end.
    std::optional<task_chunk> take_any() {
        for (auto& each : workers_)
            if (!each.second.in_flight.empty()) return finish(each.first, each.second.in_flight.front().first);
        return take_again();
    }

    // --- the tail: when there is nothing left to hand out -----------------------------------------------------------

    /// Those who may have chunks that they have not begun, each once until it is sent more.
    std::vector<worker_id> to_be_asked_back() {
        std::vector<worker_id> all;
        for (auto& each : workers_)
            if (each.second.in_flight.size() > 1 && !exchanged(each.second.was_asked, true)) all.push_back(each.first);
        return all;
    }

    /// The worker has not begun this chunk, and has given it back.
    void given_back(worker_id by, std::size_t first) {
        if (std::optional<task_chunk> whole = take_from(by, first))
            go_on_without(std::move(*whole));
        else
            came_late(by, first);
    }

    /// Calls `f(worker, chunk)` for those that run now, as far as one can know.
    template <class F>
    void each_running(const F& f) const {
        for (const auto& each : workers_)
            for (std::size_t i = 0; i < each.second.in_flight.size() && i < each.second.slots; ++i)
                f(each.first, each.second.in_flight[i]);
    }

    bool is_idle(worker_id who) const {
        const auto found = workers_.find(who);
        return found != workers_.end() && !found->second.drains && found->second.busy() < found->second.slots;
    }

    /// The same chunk for one more worker, to which it is to be sent. What comes first counts.
    task_chunk twin_of(worker_id at, std::size_t first) {
        ++twins_;
        for (const task_chunk& each : workers_.at(at).in_flight)
            if (each.first == first) return each;
        return {};
    }
    bool has_twin(std::size_t first) const {
        std::size_t copies = 0;
        if (twins_ > 0)
            for (const auto& each : workers_) copies += has_in_flight(each.first, first);
        return copies > 1;
    }

    /// What somebody else was faster with has come, or will never come.
    void came_late(worker_id by, std::size_t first) {
        const auto found = workers_.find(by);
        if (found == workers_.end()) return;
        std::vector<std::size_t>& late = found->second.outrun;
        for (std::size_t i = 0; i < late.size(); ++i)
            if (late[i] == first) return static_cast<void>(late.erase(late.begin() + static_cast<std::ptrdiff_t>(i)));
    }
    /// Whether it is still at something that somebody else has done.
    bool was_outrun(worker_id who) const {
        const auto found = workers_.find(who);
        return found != workers_.end() && !found->second.outrun.empty();
    }

    /// Of one task, in nanoseconds; 0 as long as none is known.
    double mean_time() const noexcept { return measured_ ? mean_ : 0; }

    /// It was in a worker's hands, but is not done.
    void put_back(task_chunk what) { again_.push_front(std::move(what)); }

    /// So long a finished chunk took there, in nanoseconds.
    void took(std::size_t count, double time) {
        const double each = time / static_cast<double>(count);
        mean_ = measured_ ? mean_ * 0.75 + each * 0.25 : each;
        measured_ = true;
        const double fit = mean_ > 1 ? how_.target / mean_ : how_.target;
        std::size_t wanted =
            fit < 1 ? 1 : (fit > static_cast<double>(how_.most) ? how_.most : static_cast<std::size_t>(fit));
        if (wanted > 8 * count && wanted > chunk_) wanted = 8 * count > chunk_ ? 8 * count : chunk_;
        chunk_ = wanted;
    }

    /// Tasks that have been tried as often as they may be.
    struct losses {
        std::vector<task_chunk> failed;
    };

    /// The worker is gone. Of what it had, the oldest were running, as many as it had slots: those have been tried once
    /// more. Nobody is to blame for the others, nor for anything if it had said that it would go; but what may run only
    /// once has had its time.
    losses lose(worker_id who) {
        losses result;
        const auto found = workers_.find(who);
        if (found == workers_.end()) return result;
        worker lost = std::move(found->second);
        workers_.erase(found);
        slots_ -= lost.slots;
        for (std::size_t i = lost.in_flight.size(); i-- > 0;) {
            task_chunk& each = lost.in_flight[i];
            in_flight_ -= each.count;
            const bool running = i < lost.slots && (!lost.drains || how_.retries == 0);
            each.was_begun = each.was_begun || i < lost.slots;
            if (twins_ > 0 && is_anywhere(each.first)) {
                --twins_;
                continue;
            }
            if (each.count == 1) {
                if (running && ++each.attempts > how_.retries)
                    result.failed.push_back(std::move(each));
                else
                    again_.push_front(std::move(each));
                continue;
            }
            std::vector<task_chunk> parts = split(std::move(each));
            for (std::size_t part = parts.size(); part-- > 0;) again_.push_front(std::move(parts[part]));
        }
        return result;
    }

    /// A chunk of several has killed its slot, when this task of it was running.
    losses broke(worker_id by, std::size_t first, std::size_t culprit) {
        losses result;
        std::optional<task_chunk> whole = take_from(by, first);
        if (!whole) return came_late(by, first), result;
        if (twins_ > 0 && is_anywhere(first)) return --twins_, result;
        whole->was_begun = true;
        std::vector<task_chunk> parts = split(std::move(*whole));
        for (std::size_t part = parts.size(); part-- > 0;) {
            if (parts[part].first == culprit && ++parts[part].attempts > how_.retries)
                result.failed.push_back(std::move(parts[part]));
            else
                again_.push_front(std::move(parts[part]));
        }
        return result;
    }

    std::size_t in_flight() const noexcept { return in_flight_; }
    std::size_t in_flight_of(worker_id who) const {
        const auto found = workers_.find(who);
        return found == workers_.end() ? 0 : found->second.in_flight.size();
    }

private:
    static constexpr std::size_t most_bytes_ahead = 64 << 20;

    struct worker {
        std::size_t slots = 1;
        bool drains = false;
        bool was_asked = false;            // to give back what it has not begun; since it was sent something
        std::vector<std::size_t> outrun;   // it is still at these, which somebody else has done
        std::size_t bytes = 0;             // of what it has in hand
        std::size_t blamed = 0;            // so many chunks of that have been with a worker that was lost, or a slot
        std::deque<task_chunk> in_flight;  // in the order in which they were sent

        std::size_t busy() const noexcept { return in_flight.size() + outrun.size(); }
    };

    std::optional<task_chunk> take_from(worker_id by, std::size_t first) {
        const auto found = workers_.find(by);
        if (found == workers_.end()) return std::nullopt;
        std::deque<task_chunk>& all = found->second.in_flight;
        for (auto each = all.begin(); each != all.end(); ++each) {
            if (each->first != first) continue;
            task_chunk taken = std::move(*each);
            all.erase(each);
            found->second.bytes -= taken.size();
            found->second.blamed -= taken.attempts > 0;
            in_flight_ -= taken.count;
            return taken;
        }
        return std::nullopt;
    }

    bool is_anywhere(std::size_t first) const {
        for (const auto& each : workers_)
            if (has_in_flight(each.first, first)) return true;
        return false;
    }

    void drop_twin(std::size_t first) {
        for (auto& each : workers_) {
            if (!take_from(each.first, first)) continue;
            each.second.outrun.push_back(first);
            --twins_;
        }
    }

    void go_on_without(task_chunk what) {
        if (twins_ > 0 && is_anywhere(what.first))
            --twins_;
        else
            again_.push_front(std::move(what));
    }

    /// How many chunks for each slot should be on the way while one is running.
    std::size_t ahead() const noexcept {
        if (!measured_) return 1;
        const double time = mean_ * static_cast<double>(chunk_of_rules());
        const double fit = time > 1 ? how_.round_trip / time : how_.round_trip;
        return fit < 1 ? 1 : (fit > 64 ? 64 : static_cast<std::size_t>(fit));
    }
    std::size_t chunk_of_rules() const noexcept { return how_.one_by_one ? 1 : how_.batch.value_or(chunk_); }

    const rules how_;
    std::map<worker_id, worker> workers_;
    std::deque<task_chunk> again_;
    std::size_t slots_ = 0;
    std::size_t in_flight_ = 0;
    std::size_t twins_ = 0;  // chunks that two workers are at
    std::size_t chunk_ = 1;
    double mean_ = 0;
    bool measured_ = false;
};

}  // namespace fanout::detail
