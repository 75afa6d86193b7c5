// Tests of seat.hpp: a row of seats that stay where they are.
#include <fanout/processes/seat.hpp>

#include <vector>

#include "catch.hpp"

using namespace fanout::detail;

namespace {

class nobody final : public patient {
public:
    bool wait_for_bytes_of(seat&) override { return false; }
    void has_read_from(seat& from) override { read_from = &from; }
    seat* read_from = nullptr;
};

std::vector<int> numbers_of(const seat_row& row) {
    std::vector<int> numbers;
    for (const seat& each : row) numbers.push_back(each.worker);
    return numbers;
}

struct small_ring {
    ring_ends ends;
    alignas(8) std::byte bytes[1024];
    ring_memory memory() { return {&ends, bytes, sizeof bytes}; }
};

/// Writes a message of a few bytes.
class direct_writer final : public ring_writer {
public:
    using ring_writer::ring_writer;

private:
    void wait_for_room(std::size_t) override {}
    void published(bool) override {}
};

}  // namespace

TEST_CASE("seats are in the order in which they were added, and stay where they are", "[seat]") {
    small_ring ring;
    nobody reader;
    seat_row row;
    CHECK(numbers_of(row).empty());
    seat& first = row.add(reader, 0, ring.memory());
    for (int i = 1; i < 1000; ++i) row.add(reader, i, ring.memory());
    CHECK(numbers_of(row).size() == 1000);
    CHECK(&*row.begin() == &first);
}

TEST_CASE("seats from one on can be taken away, all of them too, and others added", "[seat]") {
    small_ring ring;
    nobody reader;
    seat_row row;
    row.add(reader, 0, ring.memory());
    row.add(reader, 1, ring.memory());
    seat& third = row.add(reader, 2, ring.memory());
    row.add(reader, 3, ring.memory());
    row.keep_before(&third);
    CHECK(numbers_of(row) == std::vector{0, 1});
    row.add(reader, 7, ring.memory());
    CHECK(numbers_of(row) == std::vector{0, 1, 7});
    row.keep_before(&*row.begin());
    CHECK(numbers_of(row).empty());
    row.add(reader, 9, ring.memory());
    CHECK(numbers_of(row) == std::vector{9});
}

TEST_CASE("who reads a seat's mail is told so, and asked when there is no more", "[seat]") {
    small_ring ring;
    nobody reader;
    seat_row row;
    seat& from = row.add(reader, 0, ring.memory());
    direct_writer writer(ring.memory());
    writer.begin(message::result, 5);
    writer.write("abc", 3);
    writer.finish();
    piece first;
    from.mail.open(from.mail.look(first));
    CHECK(first.index == 5);
    char text[3];
    from.mail.read(text, sizeof text);
    CHECK(reader.read_from == nullptr);
    from.mail.skip_rest();
    CHECK(reader.read_from == &from);
    CHECK(from.mail.look(first) == mailbox::waiting::nothing);
}
