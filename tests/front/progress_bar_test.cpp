// Tests of progress_bar.hpp: a bar that fits its terminal, and lines where there is none.
#include <fanout/progress_bar.hpp>

#include <fanout/front/parallel.hpp>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <ranges>
#include <string>

#include "catch.hpp"
#include "support/matchers.hpp"

using fanout::delayed, fanout::parallel, fanout::progress, fanout::progress_bar;
using namespace fanout::detail;

namespace {

progress at(std::size_t done, std::size_t total, double elapsed, bool last = false) {
    progress now;
    now.done = done;
    now.total = total;
    now.total_is_known = true;
    now.elapsed = std::chrono::duration<double>(elapsed);
    if (done > 0) now.remaining = now.elapsed * (static_cast<double>(total - done) / static_cast<double>(done));
    now.last = last;
    return now;
}

std::size_t columns_of(const std::string& text) {
    std::size_t columns = 0;
    for (const char each : text) columns += (static_cast<unsigned char>(each) & 0xc0) != 0x80;
    return columns;
}

}  // namespace

TEST_CASE("the bar has everything, as far as there is room", "[progress_bar]") {
    progress now = at(4200, 10'000, 12.2);
    now.failed = 2;
    CHECK(bar_line("training", now, 100) ==
          "training  42 % [#############                    ] 4200/10000  344/s, 12.2 s, 16.8 s left, 2 failed");
    CHECK(bar_line("", at(0, 10, 0), 40) == "  0 % [                   ] 0/10  0.0 s");
    CHECK(bar_line("", at(10, 10, 1, true), 200) ==
          "100 % [########################################] 10/10  10/s, 1.0 s");
    CHECK(bar_line("", at(0, 0, 0, true), 40) == "100 % [####################] 0/0  0.0 s");
    CHECK(bar_line("", at(0, 10, 0), 0) == "");
    for (std::size_t width = 1; width < 130; ++width) CHECK(columns_of(bar_line("training", now, width)) < width);
}

TEST_CASE("a title is cut between characters", "[progress_bar]") {
    const std::string title = "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9";  // eight of them
    CHECK_THAT(bar_line(title, at(1, 2, 1), 80), starting_with(title + " "));
    CHECK_THAT(bar_line(title, at(1, 2, 1), 10), starting_with("\xc3\xa9\xc3\xa9\xc3\xa9 "));
}

TEST_CASE("without a total there is no bar", "[progress_bar]") {
    progress now = at(42, 50, 2);
    now.total_is_known = false;
    now.remaining.reset();
    CHECK(bar_line("reading", now, 80) == "reading 42 done  21/s, 2.0 s");
    CHECK(log_line("reading", now) == "reading: 42 done, 21/s, 2.0 s");
}

TEST_CASE("a line of a log says the same", "[progress_bar]") {
    CHECK(log_line("training", at(4200, 10'000, 12.2)) ==
          "training: 4200 of 10000 done (42 %), 344/s, 12.2 s, 16.8 s left");
    CHECK(log_line("", at(3, 10, 300)) == "3 of 10 done (30 %), 100.0 s each, 5:00, 11:40 left");
    CHECK(log_line("", at(10, 10, 7327, true)) == "10 of 10 done, 732.7 s each, 2:02:07");
    CHECK(log_line("", at(3, 10, 1, true)) == "3 of 10 done, 3.0/s, 1.0 s, ended early");
    CHECK(log_line("", at(0, 0, 0, true)) == "0 of 0 done, 0.0 s");
    CHECK(log_line("", at(3, 10, 0, true)) == "3 of 10 done, 0.0 s, ended early");
    progress again = at(3, 10, 1, true);
    again.retried = 2;
    CHECK(log_line("", again) == "3 of 10 done, 3.0/s, 1.0 s, 2 begun again, ended early");
}

TEST_CASE("in a file there is a line now and then, and one at the end", "[progress_bar]") {
    std::FILE* const file = tmpfile();
    REQUIRE(file);
    progress_display show("x", file);
    for (int second = 1; second <= 100; ++second) show(at(static_cast<std::size_t>(second), 100, second));
    show(at(100, 100, 100, true));
    show(at(1, 1, 1, true));  // the next call
    std::rewind(file);
    std::string all(10'000, '\0');
    all.resize(std::fread(all.data(), 1, all.size(), file));
    std::fclose(file);
    CHECK_THAT(all, starting_with("x: 5 of 100 done (5 %), 1.0/s, 5.0 s, 1:35 left\nx: 10 of 100"));
    CHECK_THAT(all, ending_with("x: 100 of 100 done, 1.0/s, 1:40\nx: 1 of 1 done, 1.0/s, 1.0 s\n"));
    CHECK(std::count(all.begin(), all.end(), '\n') < 16);
}

TEST_CASE("on a terminal the bar stays in its line", "[progress_bar]") {
    const int controller = posix_openpt(O_RDWR | O_NOCTTY);
    if (controller < 0 || grantpt(controller) != 0 || unlockpt(controller) != 0) return;
    std::FILE* const terminal = std::fopen(ptsname(controller), "w");
    REQUIRE(terminal);
    winsize size{};
    size.ws_col = 50;
    ioctl(controller, TIOCSWINSZ, &size);

    parallel({.n_jobs = 2, .on_progress = progress_bar("roots", terminal)})(delayed([](int i) { return i; }),
                                                                            std::views::iota(0, 100));
    std::string seen;
    char part[1000];
    ssize_t size_of_part = 1;
    while (size_of_part > 0 && !seen.ends_with('\n')) {
        size_of_part = read(controller, part, sizeof part);
        if (size_of_part > 0) seen.append(part, static_cast<std::size_t>(size_of_part));
    }
    std::fclose(terminal);
    close(controller);
    CHECK_THAT(seen, starting_with("\rroots "));
    CHECK_THAT(seen, containing("100/100"));
    CHECK_THAT(seen, ending_with("\x1b[K\r\n"));
    for (const auto& drawn : std::views::split(seen, '\r'))  // more than one, if it has taken longer
        CHECK(columns_of(std::string(drawn.begin(), drawn.end())) < 50 + 8);
}
