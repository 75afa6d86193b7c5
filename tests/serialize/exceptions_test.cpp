// Tests of exceptions.hpp: what was thrown in one process can be caught in another.
#include <fanout/serialize/exceptions.hpp>

#include <pthread.h>

#include <atomic>
#include <cstddef>
#include <exception>
#include <future>
#include <ios>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "catch.hpp"
#include "support/matchers.hpp"

using fanout::received_exception;
using fanout::remote_exception;

namespace {

std::vector<std::byte> written() {
    fanout::detail::memory_sink sink;
    fanout::write_current_exception(sink);
    return {sink.data(), sink.data() + sink.size()};
}

received_exception read(const std::vector<std::byte>& bytes) {
    fanout::detail::memory_source source(bytes.data(), bytes.size());
    auto received = fanout::read_exception(source);
    CHECK(source.left() == 0);
    return received;
}

template <class F>
received_exception sent(const F& throws) {
    try {
        throws();
    } catch (...) {
        return read(written());
    }
    FAIL("it did not throw");
    return {};
}

template <class Thrown>
received_exception sent_object(const Thrown& thrown) {
    return sent([&] { throw thrown; });
}

/// Whether it is caught as a Caught, which says the same.
template <class Caught>
bool arrives_as(const received_exception& received) {
    try {
        std::rethrow_exception(received.exception);
    } catch (const Caught& e) {
        return e.what() == received.what;
    } catch (...) {
        return false;
    }
}

/// Whether it is just a T.
template <class T>
bool arrives_exactly(const T& thrown) {
    const auto received = sent_object(thrown);
    try {
        std::rethrow_exception(received.exception);
    } catch (const T& e) {
        return typeid(e) == typeid(T) && std::string(e.what()) == thrown.what() && received.what == thrown.what();
    } catch (...) {
        return false;
    }
}

template <class T>
T value_sent(const T& thrown) {
    try {
        std::rethrow_exception(sent_object(thrown).exception);
    } catch (T value) {  // not by reference: Clang would look for a pointer where a rethrown exception has none
        return value;
    }
}

struct parse_error : std::out_of_range {
    using std::out_of_range::out_of_range;
};
struct own_text : std::bad_alloc {
    const char* what() const noexcept override { return "out of paper"; }
};
struct direct : std::exception {
    const char* what() const noexcept override { return "directly"; }
};
struct no_exception {};

struct registered_text : std::runtime_error {
    using std::runtime_error::runtime_error;
};
struct decorated : std::range_error {
    explicit decorated(const std::string& text) : std::range_error("decorated: " + text) {}
};
class with_fields : public std::runtime_error {
public:
    with_fields() : std::runtime_error("with fields") {}
    with_fields(int l, std::string f) : std::runtime_error("with fields"), line(l), file(std::move(f)) {}
    template <class Archive>
    void serialize(Archive& archive) {
        archive(line, file);
    }
    int line = 0;
    std::string file;
};
struct plain_error {
    int code;
    std::string text;
};
struct breaks : std::domain_error {
    breaks() : std::domain_error("breaks") {}
    template <class Archive>
    void serialize(Archive&) {
        throw 1;
    }
};

FANOUT_EXCEPTION(registered_text);
FANOUT_EXCEPTION(decorated);
FANOUT_EXCEPTION(with_fields);
FANOUT_EXCEPTION(plain_error);
FANOUT_EXCEPTION(std::bad_weak_ptr);
FANOUT_EXCEPTION(breaks);
FANOUT_EXCEPTION(registered_text);  // twice does no harm

}  // namespace

TEST_CASE("the standard's exceptions arrive as they are", "[exceptions]") {
    CHECK(arrives_exactly(std::logic_error("text")));
    CHECK(arrives_exactly(std::invalid_argument("text")));
    CHECK(arrives_exactly(std::domain_error("seven")));
    CHECK(arrives_exactly(std::length_error("")));
    CHECK(arrives_exactly(std::out_of_range("task 3")));
    CHECK(arrives_exactly(std::runtime_error("text")));
    CHECK(arrives_exactly(std::range_error("text")));
    CHECK(arrives_exactly(std::overflow_error("text")));
    CHECK(arrives_exactly(std::underflow_error("text")));
    CHECK(arrives_exactly(std::bad_alloc()));
    CHECK(arrives_exactly(std::bad_array_new_length()));
    CHECK(arrives_exactly(std::bad_cast()));
    CHECK(arrives_exactly(std::bad_typeid()));
    CHECK(arrives_exactly(std::bad_exception()));
    CHECK(arrives_exactly(std::bad_optional_access()));
    CHECK(arrives_exactly(std::exception()));
    CHECK(arrives_exactly(std::bad_weak_ptr()));  // by FANOUT_EXCEPTION
    CHECK(sent_object(std::domain_error("seven")).type == "std::domain_error");
}

TEST_CASE("system errors arrive with their code", "[exceptions]") {
    CHECK(arrives_exactly(std::system_error(std::make_error_code(std::errc::timed_out), "reading")));
    CHECK(arrives_exactly(std::system_error(5, std::system_category())));
    CHECK(arrives_exactly(std::system_error(5, std::system_category(), "a: b: c")));
    try {
        std::rethrow_exception(sent_object(std::system_error(ETIMEDOUT, std::generic_category(), "x")).exception);
    } catch (const std::system_error& e) {
        CHECK(e.code() == std::errc::timed_out);
    }
}

TEST_CASE("an error code of another category keeps its value, its category's name, and the text", "[exceptions]") {
    const std::future_error error(std::future_errc::no_state);
    const std::system_error thrown(error.code(), "waiting");
    const auto received = sent_object(thrown);
    CHECK(received.what == thrown.what());
    try {
        std::rethrow_exception(received.exception);
    } catch (const std::system_error& e) {
        CHECK(e.code().value() == error.code().value());
        CHECK(std::string(e.code().category().name()) == "future");
        CHECK(std::string(e.what()) == thrown.what());
    }
}

TEST_CASE("classes of other headers arrive as what they are derived from", "[exceptions]") {
    const auto ios = sent_object(std::ios_base::failure("disk", std::io_errc::stream));
    CHECK(arrives_as<std::system_error>(ios));
    CHECK(arrives_as<std::logic_error>(sent_object(std::future_error(std::future_errc::no_state))));
    CHECK(arrives_as<std::exception>(sent_object(std::bad_variant_access())));
}

TEST_CASE("a user's class arrives as its standard base, and knows its name and text", "[exceptions]") {
    const auto received = sent_object(parse_error("line 7"));
    CHECK_THAT(received.type, ending_with("parse_error"));
    CHECK(arrives_as<std::out_of_range>(received));
    CHECK(arrives_as<std::logic_error>(received));
    CHECK(arrives_as<std::exception>(received));
    try {
        std::rethrow_exception(received.exception);
    } catch (const remote_exception& e) {
        CHECK_THAT(e.type(), ending_with("parse_error"));
        CHECK(e.text() == "line 7");
    }
    CHECK(arrives_as<std::bad_alloc>(sent_object(own_text())));
    CHECK(arrives_as<std::exception>(sent_object(direct())));
}

TEST_CASE("what has been read can be sent on, and keeps its base", "[exceptions]") {
    const auto once = sent_object(parse_error("line 7"));
    const auto twice = sent([&] { std::rethrow_exception(once.exception); });
    CHECK(arrives_as<std::out_of_range>(twice));
    CHECK(twice.what == "line 7");
    CHECK(twice.type == once.type);
}

TEST_CASE("registered classes arrive as they are", "[exceptions]") {
    CHECK(arrives_exactly(registered_text("text")));
    CHECK(arrives_exactly(with_fields(7, "file")));
    try {
        std::rethrow_exception(sent_object(with_fields(7, "file")).exception);
    } catch (const with_fields& e) {
        CHECK(e.line == 7);
        CHECK(e.file == "file");
    }
    try {
        std::rethrow_exception(sent_object(plain_error{3, "plain"}).exception);
    } catch (const plain_error& e) {
        CHECK(e.code == 3);
        CHECK(e.text == "plain");
    }
}

TEST_CASE("a registered class that would say something else, or cannot be written, arrives as its base",
          "[exceptions]") {
    CHECK(arrives_as<std::range_error>(sent_object(decorated("text"))));
    CHECK(sent_object(decorated("text")).what == "decorated: text");
    CHECK(arrives_as<std::domain_error>(sent_object(breaks())));
}

TEST_CASE("numbers and strings that were thrown arrive as themselves", "[exceptions]") {
    CHECK(value_sent(42) == 42);
    CHECK(value_sent(42L) == 42L);
    CHECK(value_sent(42u) == 42u);
    CHECK(value_sent(0.5) == 0.5);
    CHECK(value_sent(true) == true);
    CHECK(value_sent(std::string("text")) == "text");
    CHECK(std::string(value_sent<const char*>("text")) == "text");
    CHECK(sent_object(42).what == "42");
    CHECK(sent_object(42).type == "int");
}

TEST_CASE("anything else arrives as a runtime_error that names it", "[exceptions]") {
    const auto received = sent_object(no_exception());
    try {
        std::rethrow_exception(received.exception);
    } catch (const std::runtime_error& e) {
        CHECK_THAT(e.what(), starting_with("unknown exception of type ") && ending_with("no_exception"));
        CHECK(dynamic_cast<const remote_exception*>(&e) != nullptr);
    }
}

TEST_CASE("nested exceptions are nested again", "[exceptions]") {
    const auto received = sent([] {
        try {
            try {
                throw std::out_of_range("inner");
            } catch (...) {
                std::throw_with_nested(registered_text("middle"));
            }
        } catch (...) {
            std::throw_with_nested(parse_error("outer"));
        }
    });
    CHECK(received.what == "outer");
    std::vector<std::string> texts;
    const auto collect = [&](const auto& self, const std::exception& e) -> void {
        texts.emplace_back(e.what());
        try {
            std::rethrow_if_nested(e);
        } catch (const registered_text& nested) {
            texts.emplace_back("registered");
            self(self, nested);
        } catch (const std::out_of_range& nested) {
            self(self, nested);
        }
    };
    try {
        std::rethrow_exception(received.exception);
    } catch (const std::out_of_range& e) {
        collect(collect, e);
    }
    CHECK(texts == std::vector<std::string>{"outer", "registered", "middle", "inner"});
}

TEST_CASE("a standard exception in which something is nested arrives as its class, with that nested in it",
          "[exceptions]") {
    const auto received = sent([] {
        try {
            throw 1;
        } catch (...) {
            std::throw_with_nested(std::runtime_error("outer"));
        }
    });
    try {
        std::rethrow_exception(received.exception);
    } catch (const std::runtime_error& e) {
        CHECK(std::string(e.what()) == "outer");
        CHECK_THROWS_AS(std::rethrow_if_nested(e), int);
    }
}

TEST_CASE("a long chain of nested exceptions is cut, not refused", "[exceptions]") {
    std::exception_ptr chain = std::make_exception_ptr(std::runtime_error("0"));
    for (int i = 1; i < 100; ++i) chain = fanout::detail::as_pointer(std::runtime_error(std::to_string(i)), chain);
    CHECK(sent([&] { std::rethrow_exception(chain); }).what == "99");
}

TEST_CASE("fanout's own exceptions arrive from nested calls", "[exceptions]") {
    CHECK(arrives_exactly(fanout::cancelled("stopped")));
    CHECK(arrives_exactly(fanout::pool_broken("broken")));
    CHECK(arrives_exactly(fanout::decode_error("decode")));
    CHECK(arrives_exactly(fanout::task_timeout(7, "too long")));
    fanout::failure why{.index = 3, .what = "killed", .signal = 11};
    CHECK(arrives_exactly(fanout::worker_lost(why)));
    try {
        std::rethrow_exception(sent_object(fanout::worker_lost(why)).exception);
    } catch (const fanout::worker_lost& e) {
        CHECK(e.index() == 3);
        CHECK(e.signal() == 11);
    }
    try {
        std::rethrow_exception(sent_object(fanout::task_timeout(7, "too long")).exception);
    } catch (const fanout::task_timeout& e) {
        CHECK(e.index() == 7);
    }
}

TEST_CASE("bytes that are no exception are refused, or make some exception", "[exceptions]") {
    // Of what follows all places for categories are taken, in whatever order the tests are run: one is for the test
    // above.
    sent_object(std::system_error(std::make_error_code(std::future_errc::no_state)));
    std::vector<std::vector<std::byte>> messages;
    for (const auto& thrown :
         {std::make_exception_ptr(42), std::make_exception_ptr(std::string("text")),
          std::make_exception_ptr(parse_error("text")), std::make_exception_ptr(with_fields(1, "x")),
          std::make_exception_ptr(std::system_error(5, std::generic_category())),
          std::make_exception_ptr(fanout::worker_lost({.index = 1}))}) {
        try {
            std::rethrow_exception(thrown);
        } catch (...) {
            messages.push_back(written());
        }
    }
    int refused = 0;
    int made = 0;
    for (const auto& message : messages) {
        for (std::size_t i = 0; i < message.size(); ++i) {
            for (int value = 0; value < 256; ++value) {
                auto mutant = message;
                mutant[i] = static_cast<std::byte>(value);
                fanout::detail::memory_source source(mutant.data(), mutant.size());
                try {
                    ++(fanout::read_exception(source).exception ? made : refused);
                } catch (const fanout::decode_error&) {
                    ++refused;
                }
            }
        }
    }
    CHECK(made > 0);
    CHECK(refused > 0);
}

TEST_CASE("what calls itself by an odd name can be sent on", "[exceptions]") {
    const auto send_as = [](const std::string& type) {
        return sent([&] { throw fanout::detail::remote<std::runtime_error>(type, "text", "text"); }).type;
    };
    for (const std::string type :
         {"", "std::_Nested_exception<", "std::_Nested_exception<>", "std::_Nested_exception< >"})
        CHECK(send_as(type) == type);
}

#ifdef __GLIBCXX__
TEST_CASE("a thread that is cancelled goes on unwinding", "[exceptions]") {
    static std::atomic<bool> waiting = false;
    const auto work = [](void*) -> void* {
        try {
            waiting = true;
            for (;;) pthread_testcancel();
        } catch (...) {
            fanout::detail::memory_sink sink;
            fanout::write_current_exception(sink);
        }
        return nullptr;
    };
    pthread_t thread;
    REQUIRE(pthread_create(&thread, nullptr, work, nullptr) == 0);
    while (!waiting) std::this_thread::yield();
    pthread_cancel(thread);
    void* result = nullptr;
    pthread_join(thread, &result);
    CHECK(result == PTHREAD_CANCELED);
}
#endif
