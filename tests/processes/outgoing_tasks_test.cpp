// Tests of outgoing_tasks.hpp: what a worker is sent is kept until it is done.
#include <fanout/processes/outgoing_tasks.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "catch.hpp"

using namespace fanout::detail;

namespace {

owned<fed_task> task(std::size_t index, const std::string& bytes) {
    owned<fed_task> made(new fed_task());
    made->index = index;
    made->bytes = bytes;
    return made;
}

}  // namespace

TEST_CASE("tasks are sent one after the other, kept until they are done, and sent again to another worker",
          "[feeder]") {
    ring_ends ends;
    std::vector<std::byte> bytes(1024);
    const ring_memory ring{&ends, bytes.data(), bytes.size()};
    outgoing_tasks sent;
    CHECK(sent.empty());
    sent.add(task(4, "four"));
    sent.add(task(5, std::string(2000, 'x')));
    CHECK_FALSE(sent.wants_more());
    CHECK(sent.push(ring));
    CHECK(sent.current()->index == 4);
    const std::uint64_t tail = ends.tail;
    CHECK(tail > 24);
    CHECK_FALSE(sent.push(ring));  // the second is longer than the ring
    ends.head = tail;
    CHECK(sent.push(ring));
    sent.finish_current();
    CHECK(sent.current()->index == 5);
    CHECK(sent.wants_more());

    ring_ends fresh;
    sent.start_over();
    const ring_memory other{&fresh, bytes.data(), bytes.size()};
    CHECK(sent.push(other));
    sent.finish_current();  // before it has been sent to its end, which it is all the same
    CHECK(sent.empty());
    CHECK_FALSE(sent.current());
    for (int i = 0; i < 10; ++i) {
        fresh.head = fresh.tail.load();
        sent.push(other);
    }
    CHECK(fresh.tail > 2000);
    sent.add(task(6, ""));
    CHECK(sent.current()->index == 6);
    sent.drop_current();
    CHECK(sent.empty());
}
