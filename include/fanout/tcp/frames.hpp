// What goes over a connection: a preface of each side, then frames. Everything that is read here may come from anybody.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include "fanout/core/concat.hpp"
#include "fanout/core/exchanged.hpp"

namespace fanout::detail {

/// The other side does not keep to the protocol, or is somebody else.
class protocol_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

enum class security_mode : std::uint8_t { plain = 0, tls = 2 };
enum class role : std::uint8_t { coordinator = 1, worker = 2 };

/// Which run of which program this is; no secret. All zero: whichever it is.
struct job_number {
    std::uint64_t words[2] = {};

    bool operator==(const job_number&) const = default;
    bool is_any() const noexcept { return words[0] == 0 && words[1] == 0; }

    /// 32 hexadecimal digits.
    std::string text() const {
        char digits[33];
        std::snprintf(digits, sizeof digits, "%016llx%016llx", static_cast<unsigned long long>(words[0]),
                      static_cast<unsigned long long>(words[1]));
        return digits;
    }
    /// False if this is no number of a job.
    static bool parse(const std::string& text, job_number& to) noexcept {
        if (text.size() != 32 || text.find_first_not_of("0123456789abcdef") != text.npos) return false;
        for (std::size_t i = 0; i < 2; ++i) to.words[i] = std::strtoull(text.substr(16 * i, 16).c_str(), nullptr, 16);
        return true;
    }
};

/// The first bytes of each side, in the clear, and sent at once. What they say is compared, never negotiated, so that a
/// mistake is named: the errors of TLS would mislead.
struct preface {
    static constexpr std::size_t size = 48;
    static constexpr std::uint16_t current_version = 1;

    std::uint16_t version = current_version;
    role from = role::worker;
    security_mode security = security_mode::tls;
    job_number job;               // which coordinator is meant: somebody else may have taken the port
    std::uint64_t nonce[2] = {};  // so that no two conversations begin alike

    std::string bytes() const {
        std::string all("FANOUT\r\n", 8);
        all.append(1, static_cast<char>(version & 0xff)).append(1, static_cast<char>(version >> 8));
        all.append(1, static_cast<char>(from)).append(1, static_cast<char>(security));
        all.append(1, static_cast<char>(sizeof(void*))).append(1, little_endian() ? 1 : 2).append(2, '\0');
        all.append(reinterpret_cast<const char*>(job.words), sizeof job.words);
        all.append(reinterpret_cast<const char*>(nonce), sizeof nonce);
        return all;
    }

    /// Throws `protocol_error`, which says who seems to be speaking, if these bytes cannot become what `expected` says.
    /// Empty-handed (false) as long as they may, but are not all here.
    static bool check(const std::string& got, const preface& expected) {
        static constexpr char name[] = "FANOUT\r\n";
        const std::size_t here = got.size() < 8 ? got.size() : 8;
        if (std::memcmp(got.data(), name, here) != 0) throw protocol_error(stranger(got));
        if (got.size() < size) return false;
        const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(got[i]); };
        const int version = byte(8) | byte(9) << 8;
        if (version != expected.version)
            throw protocol_error(concat({"the other side speaks version ", std::to_string(version),
                                         " of the protocol, this side version ", std::to_string(expected.version),
                                         "; use the same build of the program everywhere"}));
        if (byte(10) != static_cast<unsigned char>(expected.from))
            throw protocol_error(expected.from == role::coordinator
                                     ? "the address is that of another worker, not of a coordinator"
                                     : "the other side is a coordinator too");
        if (byte(12) != sizeof(void*) || byte(13) != (little_endian() ? 1 : 2))
            throw protocol_error(
                "the other side is a machine of another kind (pointer size or byte order); all must be alike");
        job_number job;
        std::memcpy(job.words, got.data() + 16, sizeof job.words);
        if (!job.is_any() && !expected.job.is_any() && job != expected.job)
            throw protocol_error(
                expected.from == role::coordinator
                    ? concat({"the address belongs to another job: I was started for ", expected.job.text(),
                              ", and have reached ", job.text()})
                    : concat({"a worker of another job, ", job.text(), ", whose coordinator had this port before"}));
        if (byte(11) != static_cast<unsigned char>(expected.security))
            throw protocol_error(byte(11) == static_cast<unsigned char>(security_mode::tls)
                                     ? "the other side wants TLS, this side speaks plain TCP"
                                     : "the other side speaks plain TCP, this side wants TLS");
        return true;
    }

private:
    static bool little_endian() noexcept {
        const std::uint16_t one = 1;
        unsigned char first = 0;
        std::memcpy(&first, &one, 1);
        return first == 1;
    }

    static std::string stranger(const std::string& got) {
        const auto begins = [&](const char* with) { return got.rfind(with, 0) == 0; };
        if (begins("GET ") || begins("POST ") || begins("HEAD ") || begins("PUT ") || begins("HTTP/"))
            return "the other side speaks HTTP";
        if (begins("SSH-")) return "the other side speaks SSH";
        if (got[0] == '\x16') return "the other side begins with TLS, without saying that it is fanout";
        return "the other side does not speak fanout's protocol";
    }
};

enum class frame_type : std::uint8_t {
    none,
    hello,       // worker: who it is
    welcome,     // coordinator: it may stay
    reject,      // coordinator: why not
    run_begin,   // coordinator: a function
    tasks,       // coordinator: a chunk of tasks of the run
    blob,        // coordinator: a shared value
    run_end,     // coordinator: what runs is to be given up
    run_ended,   // worker: nothing of it runs any more
    run_failed,  // worker: it cannot run this function
    result,      // worker: of a chunk
    failed,      // worker: a task failed for a reason from outside
    returned,    // worker: a chunk that did not come to its end
    ping,
    pong,
    drain,     // worker: no more tasks, please
    shutdown,  // coordinator: the worker is to end
    bye,       // worker: it ends
    revoke,    // coordinator: what has not been begun is wanted back
    revoked,   // worker: a chunk that it has not begun, and will not
    output,    // worker: what a task has printed
    times,     // worker: when a task ran
    drained,   // coordinator: that it gets no more tasks has been heard
    last = drained
};

/// A message is one or more frames of the same type and stream, the last of which is marked. Frames of different
/// streams may come in between, so that nothing waits for what is long.
struct frame {
    static constexpr std::size_t header_size = 16;
    static constexpr std::size_t longest = 256 << 10;

    frame_type type = frame_type::none;
    bool last = true;
    bool abandoned = false;  // what has come of this message is not to be used
    bool continues = false;  // something of this message has come before
    std::uint64_t stream = 0;
    std::string payload = {};

    void put_header(char* to) const noexcept { put_header(to, payload.size()); }

    /// For a payload of this length, that comes from elsewhere.
    void put_header(char* to, std::size_t length) const noexcept {
        std::memset(to, 0, header_size);
        to[0] = static_cast<char>(type);
        to[1] = static_cast<char>((last ? 1 : 0) | (abandoned ? 2 : 0) | (continues ? 4 : 0));
        for (int i = 0; i < 4; ++i) to[4 + i] = static_cast<char>(length >> 8 * i & 0xff);
        for (int i = 0; i < 8; ++i) to[8 + i] = static_cast<char>(stream >> 8 * i & 0xff);
    }
};

/// Takes frames out of bytes as they come. Sets aside no more than has been allowed, whatever a header says.
class frame_parser {
public:
    /// The longest payload that is accepted: little from who has not said yet who he is.
    void allow(std::size_t longest) noexcept { longest_ = longest; }

    /// Where the memory of the longest frames comes from: `take()` gives so much. Nothing said: new.
    void take_memory_from(std::string (*take)()) noexcept { take_ = take; }

    /// `read(to, size)` gives up to so many bytes, 0 if there are none now; `use(frame)` gets each frame. Throws
    /// `protocol_error` for what is no frame.
    template <class Read, class Use>
    void parse(const Read& read, const Use& use) {
        for (;;) {
            if (have_ < frame::header_size) {
                const std::size_t got = read(header_ + have_, frame::header_size - have_);
                if (got == 0) return;
                have_ += got;
                if (have_ < frame::header_size) continue;
                begin_frame();
            }
            if (filled_ < now_.payload.size()) {
                const std::size_t got = read(now_.payload.data() + filled_, now_.payload.size() - filled_);
                if (got == 0) return;
                filled_ += got;
                if (filled_ < now_.payload.size()) continue;
            }
            have_ = 0;
            filled_ = 0;
            use(exchanged(now_, frame()));
        }
    }

private:
    void begin_frame() {
        const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(header_[i]); };
        std::size_t length = 0;
        for (std::size_t i = 0; i < 4; ++i) length |= static_cast<std::size_t>(byte(4 + i)) << 8 * i;
        if (byte(0) == 0 || byte(0) > static_cast<unsigned char>(frame_type::last) || byte(1) > 7 || byte(2) != 0 ||
            byte(3) != 0)
            throw protocol_error("bytes that are no frame");
        if (length > longest_)
            throw protocol_error(concat({"a frame of ", std::to_string(length), " bytes, where at most ",
                                         std::to_string(longest_), " are allowed"}));
        now_ = {};
        now_.type = static_cast<frame_type>(byte(0));
        now_.last = (byte(1) & 1) != 0;
        now_.abandoned = (byte(1) & 2) != 0;
        now_.continues = (byte(1) & 4) != 0;
        for (std::size_t i = 0; i < 8; ++i) now_.stream |= static_cast<std::uint64_t>(byte(8 + i)) << 8 * i;
        if (length == frame::longest && take_) now_.payload = take_();
        now_.payload.resize(length);
    }

    std::size_t longest_ = 4096;
    std::string (*take_)() = nullptr;
    char header_[frame::header_size];
    std::size_t have_ = 0;
    frame now_;
    std::size_t filled_ = 0;
};

}  // namespace fanout::detail
