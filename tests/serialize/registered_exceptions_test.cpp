// Tests of registered_exceptions.hpp: classes are found by what was thrown, and by their name and age.
#include <fanout/serialize/registered_exceptions.hpp>

#include <fanout/serialize/memory.hpp>

#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"

using namespace fanout::detail;

namespace {

struct by_text : std::runtime_error {
    using std::runtime_error::runtime_error;
};
struct changes_its_text : std::runtime_error {
    explicit changes_its_text(const std::string& text) : std::runtime_error("changed " + text) {}
};
struct by_value {
    int code;
};
struct never_registered {};

FANOUT_EXCEPTION(by_text);
FANOUT_EXCEPTION(changes_its_text);
FANOUT_EXCEPTION(by_value);

template <class E>
std::exception_ptr round(const E& exception, const std::string& what) {
    const registered_exception* const entry = find_registered(typeid(E));
    memory_sink sink;
    try {
        throw exception;
    } catch (...) {
        fanout::writer to(sink);
        entry->write(to);
    }
    memory_source source(sink);
    fanout::reader from(source);
    return entry->read(from, what, nullptr);
}

}  // namespace

TEST_CASE("a class is found by its type, also where something is nested in it, and by its name",
          "[registered_exceptions]") {
    const registered_exception* const entry = find_registered(typeid(by_text));
    REQUIRE(entry);
    CHECK(entry->type == typeid(by_text));
    CHECK(find_registered(entry->nested_type) == entry);
    CHECK(find_registered(typeid(by_text).name(), 0) == entry);
    CHECK(find_registered(typeid(by_text).name(), 1) == nullptr);
    CHECK(find_registered(typeid(never_registered)) == nullptr);
    CHECK(find_registered("nobody", 0) == nullptr);
}

TEST_CASE("a class is sent by its value or by its text, and not if it would say something else",
          "[registered_exceptions]") {
    CHECK_THROWS_AS(std::rethrow_exception(round(by_text("text"), "text")), by_text);
    CHECK_THROWS_WITH(std::rethrow_exception(round(by_text("text"), "text")), "text");
    CHECK(round(changes_its_text("text"), "changed text") == nullptr);
    try {
        std::rethrow_exception(round(by_value{7}, ""));
    } catch (const by_value& e) {
        CHECK(e.code == 7);
    }
}

TEST_CASE("to register a class twice, from many threads, adds it once", "[registered_exceptions]") {
    struct late : std::runtime_error {
        using std::runtime_error::runtime_error;
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([] { fanout::register_exception<late>(); });
    for (std::thread& each : threads) each.join();
    CHECK(find_registered(typeid(late)) != nullptr);
    CHECK(find_registered(typeid(late).name(), 1) == nullptr);
}
