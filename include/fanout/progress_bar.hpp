// How far a call has come, for who looks on: a bar on a terminal, lines in a log. A header of its own, since who does
// not look on need not compile it.
#pragma once

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "fanout/core/lock.hpp"
#include "fanout/core/progress.hpp"

namespace fanout {

namespace detail {

/// "12.3 s", "4:05", "1:02:07".
inline std::string readable_time(std::chrono::duration<double> time) {
    char text[40];
    const double all = time.count();
    const auto minutes = static_cast<long long>(all / 60);
    const int seconds = static_cast<int>(all - 60 * static_cast<double>(minutes));
    if (all < 60)
        std::snprintf(text, sizeof text, "%.1f s", all);
    else if (minutes < 60)
        std::snprintf(text, sizeof text, "%lld:%02d", minutes, seconds);
    else
        std::snprintf(text, sizeof text, "%lld:%02d:%02d", minutes / 60, static_cast<int>(minutes % 60), seconds);
    return text;
}

/// "345/s"; of what takes longer than a second each, "2.5 s each".
inline std::string readable_rate(const progress& now) {
    if (now.done == 0 || now.elapsed.count() <= 0) return {};
    char text[40];
    const double rate = static_cast<double>(now.done) / now.elapsed.count();
    if (rate >= 1)
        std::snprintf(text, sizeof text, rate < 10 ? "%.1f/s" : "%.0f/s", rate);
    else
        std::snprintf(text, sizeof text, "%.1f s each", 1 / rate);
    return text;
}

/// Everything but the bar: "345/s, 12.3 s, 17.0 s left, 2 failed".
inline std::string numbers_of(const progress& now) {
    std::string text = readable_rate(now);
    if (!text.empty()) text += ", ";
    text += readable_time(now.elapsed);
    if (now.remaining && !now.last) text += ", " + readable_time(*now.remaining) + " left";
    if (now.failed > 0) text += ", " + std::to_string(now.failed) + " failed";
    if (now.retried > 0) text += ", " + std::to_string(now.retried) + " begun again";
    return text;
}

/// The beginning of a UTF-8 text, as far as it fits into so many columns, and how many it takes.
inline std::pair<std::string, std::size_t> fitted(std::string_view text, std::size_t columns) {
    std::size_t taken = 0, bytes = 0;
    for (; bytes < text.size(); ++bytes) {
        const bool begins_character = (static_cast<unsigned char>(text[bytes]) & 0xc0) != 0x80;
        if (begins_character && taken == columns) break;
        taken += begins_character;
    }
    return {std::string(text.substr(0, bytes)), taken};
}

/// One line of a terminal that is so wide, without its last column, at which some terminals begin a new line:
///
///     training  42 % [########            ] 4200/10000  345/s, 12.3 s, 17.0 s left
inline std::string bar_line(const std::string& title, const progress& now, std::size_t width) {
    if (width > 0) --width;
    auto [line, taken] = fitted(title, width / 3);
    if (!line.empty()) line += ' ', ++taken;
    std::string behind = std::to_string(now.done);
    if (!now.total_is_known) {
        behind += " done  " + numbers_of(now);
        return fitted(line + behind, width).first;
    }
    behind += "/" + std::to_string(now.total) + "  " + numbers_of(now);
    const double share = now.total > 0 ? static_cast<double>(now.done) / static_cast<double>(now.total) : 1;
    char percent[16];
    std::snprintf(percent, sizeof percent, "%3d %% ", static_cast<int>(100 * share));
    line += percent;
    taken += std::char_traits<char>::length(percent);
    if (const std::size_t rest = taken + behind.size() + 3; rest + 10 <= width) {
        const std::size_t longest = 40;
        const std::size_t length = width - rest < longest ? width - rest : longest;
        const auto full = static_cast<std::size_t>(share * static_cast<double>(length));
        line += "[" + std::string(full, '#') + std::string(length - full, ' ') + "] ";
    }
    return fitted(line + behind, width).first;
}

/// "training: 4200 of 10000 done (42 %), 345/s, 12.3 s, 17.0 s left".
inline std::string log_line(const std::string& title, const progress& now) {
    std::string line = title.empty() ? std::string() : title + ": ";
    line += std::to_string(now.done);
    if (now.total_is_known) {
        line += " of " + std::to_string(now.total) + " done";
        if (now.total > 0 && !now.last)
            line +=
                " (" +
                std::to_string(static_cast<int>(100 * static_cast<double>(now.done) / static_cast<double>(now.total))) +
                " %)";
    } else {
        line += " done";
    }
    return line + ", " + numbers_of(now) + (now.last && now.done < now.total ? ", ended early" : "");
}

/// Draws what it is told. Copies of the callback share it, and so may calls.
class progress_display {
public:
    progress_display(std::string title, std::FILE* to) : title_(std::move(title)), to_(to) {}

    void operator()(const progress& now) {
        const lock_guard lock(mutex_);
        const int terminal = fileno(to_);
        if (isatty(terminal))
            std::fprintf(to_, "\r%s\x1b[K%s", bar_line(title_, now, width_of(terminal)).c_str(), now.last ? "\n" : "");
        else if (now.last || is_due(now.elapsed))
            std::fprintf(to_, "%s\n", log_line(title_, now).c_str());
        std::fflush(to_);
        if (now.last) next_line_ = first_line;
    }

private:
    using seconds = std::chrono::duration<double>;
    static constexpr seconds first_line{5};

    /// The longer it has taken, the longer until the next line: a log of days is not a log of millions of lines.
    bool is_due(seconds elapsed) {
        if (elapsed < next_line_) return false;
        next_line_ = elapsed + (elapsed / 4 > first_line ? elapsed / 4 : first_line);
        return true;
    }

    static std::size_t width_of(int terminal) {
        winsize size{};
        return ioctl(terminal, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
    }

    mutex mutex_;
    const std::string title_;
    std::FILE* const to_;
    seconds next_line_ = first_line;
};

}  // namespace detail

/// Shows how far a call has come, on stderr unless told otherwise:
///
///     parallel({.on_progress = progress_bar("training")})(delayed(train), groups);
///
/// On a terminal that is a bar that stays in place, as wide as there is room; elsewhere a line now and then, the first
/// after five seconds, and one at the end. Both say how many tasks are done and have failed, how fast it goes, how long
/// it has taken and will take. The file must stay open as long as calls use it.
inline progress_callback progress_bar(std::string title = {}, std::FILE* to = stderr) {
    auto display = std::make_shared<detail::progress_display>(std::move(title), to);
    return [display = std::move(display)](const progress& now) { (*display)(now); };
}

}  // namespace fanout
