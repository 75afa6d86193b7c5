// Messages of any length through a small piece of shared memory, from one process to one other.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>

#include "fanout/core/bytes.hpp"

namespace fanout::detail {

/// How far a ring has been written and read, in bytes since it began. Each has one writer: `tail` the process that
/// writes messages, `head` the one that reads them, and each is read by the other.
///
/// Of the two processes the worker sleeps on `worker_waits`, which it sets to 1 before; the parent, which has more than
/// one worker to wait for, sleeps in poll and is woken by a bell. Both sides of a ring use sequentially consistent
/// operations where they sleep: whoever is about to sleep says so and then looks once more, whoever has moved his end
/// looks afterwards whether the other sleeps; so at least one of them sees the other.
struct ring_ends {
    alignas(64) std::atomic<std::uint64_t> tail{0};
    alignas(64) std::atomic<std::uint64_t> head{0};
    alignas(64) std::atomic<std::uint32_t> worker_waits{0};
};

enum class message : std::uint8_t {
    none,
    result,              // of a task
    exception,           // of a task, as portable_tasks writes it
    text,                // of a task whose exception could not be written: its type, a zero, and its text
    initializer_failed,  // an exception, which is not that of a task
    initializer_text,    // the same, as a text
    elements,            // of a task, on the way to a worker
    abandoned,           // what has been read of this message is not to be used: another one follows
};

/// A message is one or more pieces, each a header and bytes without a gap; every piece begins at a multiple of 8.
struct piece {
    static constexpr std::size_t header_size = 24;
    static constexpr std::uint64_t magic = 0xfa70'0751;

    message kind = message::none;
    bool more = false;
    std::uint64_t index = 0;
    std::uint64_t length = 0;

    std::uint64_t size() const noexcept { return header_size + (length + 7) / 8 * 8; }
};

/// One ring: `size` is a power of two, of at least 1024. The first three words of a piece may lie around the end.
struct ring_memory {
    ring_ends* ends = nullptr;
    std::byte* bytes = nullptr;
    std::size_t size = 0;

    std::size_t place(std::uint64_t position) const noexcept { return static_cast<std::size_t>(position) & (size - 1); }
    std::size_t longest_piece() const noexcept { return size / 8; }

    void put_header(std::uint64_t at, const piece& what) const noexcept {
        put_word(at, piece::magic | static_cast<std::uint64_t>(what.kind) << 32 |
                         static_cast<std::uint64_t>(what.more) << 40);
        put_word(at + 8, what.index);
        put_word(at + 16, what.length);
    }

    /// False if what lies there cannot be a piece of at most `available` bytes.
    bool get_header(std::uint64_t at, std::uint64_t available, piece& what) const noexcept {
        if (available < piece::header_size) return false;
        const std::uint64_t first = get_word(at);
        what.kind = static_cast<message>(first >> 32 & 0xff);
        what.more = (first >> 40) == 1;
        what.index = get_word(at + 8);
        what.length = get_word(at + 16);
        return (first & 0xffff'ffff) == piece::magic && (first >> 40) <= 1 && what.kind != message::none &&
               what.kind <= message::abandoned && what.length <= available - piece::header_size &&
               what.size() <= available && place(at + piece::header_size) + what.length <= size;
    }

private:
    void put_word(std::uint64_t at, std::uint64_t word) const noexcept {
        std::memcpy(bytes + place(at), &word, sizeof word);
    }
    std::uint64_t get_word(std::uint64_t at) const noexcept {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes + place(at), sizeof word);
        return word;
    }
};

/// Writes messages. What is written lands in the ring at once, and is published piece by piece.
class ring_writer : public byte_sink {
public:
    explicit ring_writer(const ring_memory& ring) noexcept : ring_(ring), tail_(ring.ends->tail.load()) {}

    /// Waits for room.
    void begin(message kind, std::uint64_t index) {
        now_ = {kind, false, index, 0};
        pieces_ = 0;
        open_window(64);
    }

    void finish() {
        publish(false);
        next_ = end_ = nullptr;
    }

    /// Takes back what has been written of the message, as far as that is still possible.
    void abandon() {
        if (pieces_ > 0) {
            now_.kind = message::abandoned;
            next_ = begin_;
            publish(false);
        }
        next_ = end_ = nullptr;
    }

    /// How much could be written now.
    std::size_t room() const noexcept {
        return ring_.size - static_cast<std::size_t>(tail_ - ring_.ends->head.load(std::memory_order_seq_cst));
    }

protected:
    ~ring_writer() = default;

    /// Returns when there are `bytes` of room. Must not write.
    virtual void wait_for_room(std::size_t bytes) = 0;

    /// There is something new to read; `whole`: it ends a message.
    virtual void published(bool whole) = 0;

    const ring_memory& ring() const noexcept { return ring_; }

private:
    void overflow(const std::byte* data, std::size_t size) override {
        if (!next_) throw std::logic_error("fanout: a flat result was written");
        for (;;) {
            const auto fits = static_cast<std::size_t>(end_ - next_);
            const std::size_t part = size < fits ? size : fits;
            std::memcpy(next_, data, part);
            next_ += part;
            data += part;
            size -= part;
            if (size == 0) return;
            publish(true);
            open_window(size);
        }
    }

    void open_window(std::size_t wanted) {
        const std::size_t longest = ring_.longest_piece();
        const std::size_t least = piece::header_size + (wanted < longest ? (wanted + 7) / 8 * 8 : longest);
        if (known_room() < least) {
            head_ = ring_.ends->head.load(std::memory_order_acquire);  // pairs with the store in ring_reader::release
            if (known_room() < least) wait_for_room(least);
            head_ = ring_.ends->head.load(std::memory_order_acquire);
        }
        const std::size_t start = ring_.place(tail_ + piece::header_size);
        std::size_t length = known_room() - piece::header_size;
        if (length > ring_.size - start) length = ring_.size - start;
        if (length > longest) length = longest;
        begin_ = next_ = ring_.bytes + start;
        end_ = begin_ + length;
    }

    std::size_t known_room() const noexcept { return ring_.size - static_cast<std::size_t>(tail_ - head_); }

    void publish(bool more) {
        now_.more = more;
        now_.length = static_cast<std::uint64_t>(next_ - begin_);
        ring_.put_header(tail_, now_);
        tail_ += now_.size();
        ++pieces_;
        // Pairs with the load in ring_reader::unread, which thereby sees the bytes; and see ring_ends.
        ring_.ends->tail.store(tail_, std::memory_order_seq_cst);
        published(!more);
    }

    const ring_memory ring_;
    std::uint64_t tail_;
    std::uint64_t head_ = 0;  // as far as it is known to have been read
    piece now_;
    std::size_t pieces_ = 0;  // of this message that have been published
    std::byte* begin_ = nullptr;
};

/// Reads messages, and believes nothing that it reads: the writer may have gone mad before it died.
class ring_reader : public byte_source {
public:
    explicit ring_reader(const ring_memory& ring) noexcept : ring_(ring) { reset(ring); }

    /// Begins anew, with a ring that is as it was in the beginning.
    void reset(const ring_memory& ring) noexcept {
        ring_ = ring;
        head_ = 0;
        now_ = {};
        next_ = end_ = nullptr;
        failed_ = failure_kind::none;
    }

    enum class waiting : std::uint8_t { nothing, part, whole, nonsense };

    /// What there is to be read: nothing, a message as a whole or its beginning, which is then in `first`, or bytes
    /// that are no message. Only between messages.
    waiting look(piece& first) {
        const std::uint64_t available = unread();
        if (available > ring_.size || available % 8 != 0) return waiting::nonsense;
        piece each;
        total_ = 0;
        for (std::uint64_t at = 0; at < available; at += each.size()) {
            if (!ring_.get_header(head_ + at, available - at, each)) return waiting::nonsense;
            if (at == 0) first = each;
            if (each.kind == message::abandoned && at > 0) {
                first.kind = message::abandoned;
                return waiting::whole;
            }
            if (each.kind != first.kind || each.index != first.index) return waiting::nonsense;
            total_ += static_cast<std::size_t>(each.length);
            if (!each.more) return waiting::whole;
        }
        return available == 0 ? waiting::nothing : waiting::part;
    }

    /// Begins to read the message that `look` has found.
    void open(waiting found) {
        whole_ = found == waiting::whole;
        failed_ = failure_kind::none;
        const std::uint64_t available = unread();
        if (!ring_.get_header(head_, available, now_)) fail(failure_kind::nonsense);
        enter_piece();
    }

    /// Whether the message has been read to its end. May wait for more of it.
    bool is_at_end() {
        while (next_ == end_) {
            if (!now_.more) return true;
            leave_piece();
        }
        return false;
    }

    /// So many bytes can be read without waiting.
    std::size_t ready() const noexcept { return static_cast<std::size_t>(end_ - next_); }

    /// Passes over the rest of the message. May wait for it.
    void skip_rest() {
        while (now_.kind != message::none) leave_piece();
    }

    /// Why reading has thrown, if this here was the reason.
    enum class failure_kind : std::uint8_t { none, too_short, abandoned, writer_gone, nonsense };
    failure_kind failed() const noexcept { return failed_; }

    std::size_t left() const noexcept override {
        return whole_ ? total_ + static_cast<std::size_t>(end_ - next_) : static_cast<std::size_t>(-1);
    }
    std::size_t believable() const noexcept override { return static_cast<std::size_t>(-1); }

    std::uint64_t unread() const noexcept {
        // Pairs with the store in ring_writer::publish.
        return ring_.ends->tail.load(std::memory_order_seq_cst) - head_;
    }
    /// How much has ever been read.
    std::uint64_t position() const noexcept { return head_; }
    bool more_than_half_full() const noexcept { return unread() > ring_.size / 2; }

protected:
    ~ring_reader() = default;

    /// Returns true when there is something unread, false when there never will be.
    virtual bool wait_for_bytes() = 0;

    /// There is more room for the writer.
    virtual void released() = 0;

    const ring_memory& ring() const noexcept { return ring_; }

private:
    void underflow(std::byte* to, std::size_t size) override {
        for (;;) {
            const std::size_t part = take_here(to, size);
            to += part;
            size -= part;
            if (size == 0) return;
            if (!now_.more) fail(failure_kind::too_short);
            leave_piece();
        }
    }

    void enter_piece() {
        next_ = ring_.bytes + ring_.place(head_ + piece::header_size);
        end_ = next_ + now_.length;
        if (whole_) total_ -= static_cast<std::size_t>(now_.length);
    }

    /// To the next piece, if there is one.
    void leave_piece() {
        const piece last = now_;
        head_ += last.size();
        next_ = end_ = nullptr;
        now_ = {};
        release();
        if (!last.more) return;
        if (unread() == 0 && !wait_for_bytes()) fail(failure_kind::writer_gone);
        const std::uint64_t available = unread();
        if (available > ring_.size || !ring_.get_header(head_, available, now_)) fail(failure_kind::nonsense);
        if (now_.kind == message::abandoned) {
            head_ += now_.size();
            now_ = {};
            release();
            fail(failure_kind::abandoned);
        }
        if (now_.kind != last.kind || now_.index != last.index) fail(failure_kind::nonsense);
        enter_piece();
    }

    void release() {
        // Pairs with the loads of head in ring_writer: the bytes have been read before they are overwritten.
        ring_.ends->head.store(head_, std::memory_order_seq_cst);
        released();
    }

    [[noreturn]] void fail(failure_kind why) {
        failed_ = why;
        if (why != failure_kind::too_short) now_ = {};
        static constexpr const char* texts[] = {"", "the bytes end too early", "the message was taken back",
                                                "the process that wrote it is gone", "the bytes make no sense"};
        throw std::runtime_error(texts[static_cast<int>(why)]);
    }

    ring_memory ring_;
    std::uint64_t head_ = 0;
    piece now_;              // the piece that is being read
    bool whole_ = false;     // the message is in the ring as a whole,
    std::size_t total_ = 0;  // and so much of it is behind this piece
    failure_kind failed_ = failure_kind::none;
};

}  // namespace fanout::detail
