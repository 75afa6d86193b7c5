// Tests of ending.hpp: which of several reasons the caller is told.
#include <fanout/front/ending.hpp>

#include <cstddef>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"

using fanout::detail::ending;

namespace {

void fail(ending& end, std::size_t index, bool ends = true) {
    end.fail(index, std::make_exception_ptr(std::runtime_error(std::to_string(index))), ends);
}

void fail_as_a_whole(ending& end) { end.fail_as_a_whole(std::make_exception_ptr(std::runtime_error("as a whole"))); }

}  // namespace

TEST_CASE("without a reason there is nothing to throw", "[ending]") {
    const ending none;
    CHECK_FALSE(none.was_cancelled());
    CHECK_NOTHROW(none.rethrow_failure());
}

TEST_CASE("of several failures that of the lowest index is thrown, in whatever order they came", "[ending]") {
    for (const auto& order : {std::vector{1, 2, 3}, std::vector{3, 1, 2}, std::vector{2, 3, 1}}) {
        ending end;
        for (const int index : order) fail(end, static_cast<std::size_t>(index));
        CHECK_THROWS_WITH(end.rethrow_failure(), "1");
    }
}

TEST_CASE("a failure after a stop is only its consequence", "[ending]") {
    ending end;
    end.cancel();
    fail(end, 0);
    CHECK(end.was_cancelled());
    CHECK_NOTHROW(end.rethrow_failure());
}

TEST_CASE("a stop after a failure changes nothing", "[ending]") {
    ending end;
    fail(end, 3);
    end.cancel();
    CHECK_FALSE(end.was_cancelled());
    CHECK_THROWS_WITH(end.rethrow_failure(), "3");
}

TEST_CASE("as long as the tasks before a failure go on, a stop, a deadline and a failure as a whole still count",
          "[ending]") {
    ending stopped, late, broken, failed;
    for (ending* each : {&stopped, &late, &broken, &failed}) fail(*each, 3, false);
    stopped.cancel();
    CHECK(stopped.was_cancelled());
    CHECK_NOTHROW(stopped.rethrow_failure());
    late.pass_deadline();
    CHECK(late.was_too_late());
    fail_as_a_whole(broken);
    CHECK_THROWS_WITH(broken.rethrow_failure(), "as a whole");
    fail(failed, 2, true);
    failed.cancel();
    CHECK_THROWS_WITH(failed.rethrow_failure(), "2");
}

TEST_CASE("a failure of the call as a whole comes before that of any task, unless it came later", "[ending]") {
    ending first;
    fail_as_a_whole(first);
    fail(first, 0);
    CHECK_THROWS_WITH(first.rethrow_failure(), "as a whole");
    ending second;
    fail(second, 3);
    fail_as_a_whole(second);
    CHECK_THROWS_WITH(second.rethrow_failure(), "3");
    ending stopped;
    stopped.cancel();
    fail_as_a_whole(stopped);
    CHECK(stopped.was_cancelled());
}

TEST_CASE("what is settled is ended by nothing but a failure as a whole", "[ending]") {
    ending end;
    fail(end, 3);
    end.settle();
    fail(end, 0);
    end.cancel();
    end.pass_deadline();
    CHECK_NOTHROW(end.rethrow_failure());
    CHECK_FALSE(end.was_cancelled());
    CHECK_FALSE(end.was_too_late());
    fail_as_a_whole(end);
    CHECK_THROWS_WITH(end.rethrow_failure(), "as a whole");
    end.settle();
    CHECK_THROWS_WITH(end.rethrow_failure(), "as a whole");
}

TEST_CASE("a call stopped twice is stopped", "[ending]") {
    ending end;
    end.cancel();
    end.cancel();
    CHECK(end.was_cancelled());
}

TEST_CASE("failures may come from many threads at once", "[ending]") {
    ending end;
    {
        std::vector<std::jthread> workers;
        for (std::size_t worker = 0; worker < 4; ++worker)
            workers.emplace_back([&, worker] {
                for (std::size_t i = 1000; i-- > 0;) fail(end, 4 * i + worker + 5);
            });
    }
    CHECK_THROWS_WITH(end.rethrow_failure(), "5");
}
