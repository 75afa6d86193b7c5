// Writes the record of a run as a trace that Perfetto (ui.perfetto.dev) and chrome://tracing show.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "fanout/core/clock.hpp"
#include "fanout/core/concat.hpp"
#include "fanout/core/lock.hpp"

namespace fanout::detail {

/// A file that is to be written later, opened now, so that it is known that it can be.
template <class Clock>
class trace_file {
public:
    explicit trace_file(const std::string& path)
        : number_(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
        if (number_ < 0)
            throw std::system_error(errno, std::generic_category(),
                                    concat({"fanout: trace = \"", path,
                                            "\" cannot be written, so nothing was run; give the path of a file in a "
                                            "directory that is there and that may be written to"}));
    }
    trace_file(const trace_file&) = delete;
    trace_file& operator=(const trace_file&) = delete;
    ~trace_file() { close(number_); }

    /// From now on everything is written from the beginning: another call may have written to the same file meanwhile.
    void start_over() noexcept {
        static_cast<void>(lseek(number_, 0, SEEK_SET));
        static_cast<void>(ftruncate(number_, 0) == 0);
    }

    /// 0, or the error.
    int write_all(std::string_view text) noexcept {
        while (!text.empty()) {
            const auto written = write(number_, text.data(), text.size());
            if (written < 0 && errno != EINTR) return errno;
            if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
        }
        return 0;
    }

    /// Calls in one program that write the same file do it one after the other.
    static mutex& turn() {
        static mutex one;
        return one;
    }

private:
    int number_;
};

/// `Record`: a run_record.
template <class Record>
class trace_writer {
    using slice = typename Record::slice;
    using time_point = typename Record::time_point;
    using duration = typename time_point::duration;

public:
    struct setting {
        time_point started;
        time_point ended;
        const char* backend = "";
        std::size_t tasks = 0;
    };

    trace_writer(const Record& what, const setting& how) : record_(what), how_(how), pid_(getpid()) {}

    /// 0, or the error that ended it. May throw `std::bad_alloc`.
    template <class File>
    int write_to(File& file) {
        const lock_guard turn(File::turn());
        file.start_over();
        look_up_attempts();
        text_ = "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n";
        add_name("process_name", 0, concat({"fanout: ", std::to_string(how_.tasks), " tasks on ", how_.backend}));
        for (std::size_t worker = 0; worker < record_.lanes().size(); ++worker) {
            long row = -1;
            for (const slice& each : record_.lanes()[worker].value.slices) {
                const bool is_far = !record_.lanes()[worker].value.sum.host.empty();
                const long own = is_far ? static_cast<long>(worker) + 1 : row_of(worker, each);
                if (own != row) add_row(row = own, worker, each);
                add_slice(row, each);
                if (text_.size() < 65536) continue;
                if (const int error = file.write_all(text_)) return error;
                text_.clear();
            }
        }
        // The last event has no comma behind it.
        text_ += "{\"ph\":\"i\",\"s\":\"g\",\"name\":\"end of the call\"";
        add_place(0, how_.ended - how_.started);
        text_ += concat({",\"args\":{\"complete\":", record_.is_complete() ? "true" : "false", "}}\n]}\n"});
        return file.write_all(text_);
    }

private:
    using nanos = std::int64_t;

    /// What became of a task besides running: both are rare, so the table may be short.
    struct attempts {
        const typename Record::failed_task* failed = nullptr;
        int lost = 0;
    };

    void look_up_attempts() {
        const auto entry = [&](std::size_t index) -> attempts& {
            if (index >= attempts_.size()) attempts_.resize(index + 1);
            return attempts_[index];
        };
        for (const auto& each : record_.failures()) entry(each.index).failed = &each;
        for (const auto& lane : record_.lanes())
            for (const slice& each : lane.value.slices)
                if (each.lost_attempt > 0) ++entry(each.index).lost;
    }

    /// Worker processes are known by their pids; the threads of a call by their numbers, from 1 on.
    static long row_of(std::size_t worker, const slice& task) noexcept {
        return task.pid != 0 ? task.pid : static_cast<long>(worker) + 1;
    }

    void add_row(long row, std::size_t worker, const slice& first) {
        std::string name = concat({"worker ", std::to_string(worker)});
        if (const std::string& host = record_.lanes()[worker].value.sum.host; !host.empty())
            name += concat({" on ", host});  // one row for each slot, whatever its processes: numbers may be alike
        else if (first.pid != 0)
            name += concat({", pid ", std::to_string(first.pid)});
        add_name("thread_name", row, name);
    }

    void add_name(const char* kind, long row, const std::string& name) {
        text_ += concat({"{\"ph\":\"M\",\"name\":\"", kind, "\",\"pid\":"});
        add_number(pid_);
        text_ += ",\"tid\":";
        add_number(row);
        text_ += ",\"args\":{\"name\":\"";
        add_quoted(name);
        text_ += "\"}},\n";
    }

    void add_slice(long row, const slice& task) {
        const attempts more = task.index < attempts_.size() ? attempts_[task.index] : attempts();
        const bool failed = more.failed && (task.lost_attempt == 0 || task.lost_attempt == more.failed->attempts);
        text_ += "{\"ph\":\"X\",\"name\":\"task ";
        add_number(static_cast<nanos>(task.index));
        text_ +=
            task.lost_attempt > 0 ? "\",\"cat\":\"lost\"" : (failed ? "\",\"cat\":\"failed\"" : "\",\"cat\":\"task\"");
        add_place(row, task.began - how_.started);
        add_time(",\"dur\":", task.handed_over - task.began);
        text_ += ",\"args\":{\"index\":";
        add_number(static_cast<nanos>(task.index));
        add_time(",\"queue_us\":", task.began - how_.started);
        add_time(",\"run_us\":", task.returned - task.began);
        if (task.pid != 0) add_time(",\"serialize_us\":", task.handed_over - task.returned);
        if (more.lost > 0) {
            text_ += ",\"attempt\":";
            add_number(task.lost_attempt > 0 ? task.lost_attempt : more.lost + 1);
        }
        if (failed) {
            text_ += ",\"error\":\"";
            add_quoted(more.failed->error);
            text_ += '"';
        }
        text_ += "}},\n";
    }

    void add_place(long row, duration at) {
        text_ += ",\"pid\":";
        add_number(pid_);
        text_ += ",\"tid\":";
        add_number(row);
        add_time(",\"ts\":", at);
    }

    void add_number(nanos number) {
        char digits[20];
        char* first = digits + sizeof digits;
        do *--first = static_cast<char>('0' + number % 10);
        while ((number /= 10) > 0);
        text_.append(first, static_cast<std::size_t>(digits + sizeof digits - first));
    }

    /// In microseconds, to the nanosecond.
    void add_time(const char* name, duration time) {
        const nanos all = time.count() > 0 ? std::chrono::duration_cast<std::chrono::nanoseconds>(time).count() : 0;
        const nanos part = all % 1000;
        text_ += name;
        add_number(all / 1000);
        const char digits[] = {'.', static_cast<char>('0' + part / 100), static_cast<char>('0' + part / 10 % 10),
                               static_cast<char>('0' + part % 10)};
        text_.append(digits, sizeof digits);
    }

    /// What is not UTF-8 would make the whole file unreadable.
    void add_quoted(std::string_view raw) {
        while (!raw.empty()) {
            const auto byte = static_cast<unsigned char>(raw.front());
            const std::size_t length = byte < 0x80 ? 1 : utf8_length(raw);
            if (length == 0) {
                text_ += "\\ufffd";
            } else if (byte == '"' || byte == '\\') {
                text_ += '\\';
                text_ += raw.front();
            } else if (byte < 0x20) {
                constexpr char hex[] = "0123456789abcdef";
                text_ += "\\u00";
                text_ += hex[byte >> 4];
                text_ += hex[byte & 15];
            } else {
                text_.append(raw.data(), length);
            }
            raw.remove_prefix(length > 0 ? length : 1);
        }
    }

    /// Of the character that begins here, beyond ASCII; 0 if it is none.
    static std::size_t utf8_length(std::string_view raw) noexcept {
        const auto first = static_cast<unsigned char>(raw[0]);
        const std::size_t length = first >= 0xf0 ? 4 : (first >= 0xe0 ? 3 : 2);
        if (first < 0xc2 || first > 0xf4 || raw.size() < length) return 0;
        for (std::size_t i = 1; i < length; ++i)
            if ((static_cast<unsigned char>(raw[i]) & 0xc0) != 0x80) return 0;
        const auto second = static_cast<unsigned char>(raw[1]);
        const bool out_of_range = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
                                  (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
        return out_of_range ? 0 : length;
    }

    const Record& record_;
    const setting how_;
    const nanos pid_;
    std::vector<attempts> attempts_;
    std::string text_;
};

}  // namespace fanout::detail
