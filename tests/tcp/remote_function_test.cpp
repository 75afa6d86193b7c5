#include <fanout/serialize/memory.hpp>
#include <fanout/tcp/remote_function.hpp>
#include <stdexcept>
#include <stop_token>
#include <string>

#include "catch.hpp"

using namespace fanout;
using namespace fanout::detail;

static int returned = 0;
static void note_return() noexcept { ++returned; }

/// What f gives for these elements, by way of bytes.
template <class R, class... References, class F, class... Elements>
R over_there(const F& f, const Elements&... elements) {
    memory_sink function, task, result;
    writer to_function(function), to_task(task);
    write_function_value(to_function, f);
    (to_task(elements), ...);
    memory_source from_function(function), from_task(task);
    const auto made = loop_code<F, References...>::enter(from_function);
    returned = 0;
    made->run(from_task, result, note_return);
    CHECK(returned == 1);
    memory_source from_result(result);
    return value_from<R>(from_result);
}

TEST_CASE("a function is made from its bytes, and called with those of a task") {
    const int factor = returned + 3;
    CHECK(over_there<int, int>([factor](int i) { return i * factor; }, 5) == factor * 5);
    CHECK(over_there<std::string, const std::string&, int>(
              [](const std::string& s, int i) { return s + std::to_string(i); }, std::string("a"), 7) == "a7");
    CHECK(over_there<nothing, int>([](int) {}, 1) == nothing());
}

TEST_CASE("elements are handed over as the range gave them") {
    CHECK(over_there<int, int&>(
              [](int& i) {
                  ++i;
                  return i;
              },
              1) == 2);
    CHECK(over_there<std::string, std::string&&>([](std::string&& s) { return std::move(s) + "!"; },
                                                 std::string("x")) == "x!");
}

TEST_CASE("a function that takes a token gets one that nobody stops") {
    CHECK(over_there<bool, int>([](std::stop_token token, int) { return token.stop_requested(); }, 1) == false);
}

TEST_CASE("what a task throws passes through, before it has returned") {
    returned = 0;
    CHECK_THROWS_AS((over_there<int, int>([](int i) { return i > 0 ? throw std::domain_error("no") : i; }, 1)),
                    std::domain_error);
    CHECK(returned == 0);
}

TEST_CASE("of several calls the one is made whose number was sent") {
    const auto half = [](int i) { return i / 2.0; };
    const auto shout = [](const std::string& s) { return s + "!"; };
    const auto first = delayed(half)(3);
    const auto second = delayed(shout)(std::string("x"));
    memory_source no_function(nullptr, 0);
    const auto made = several_code<decltype(first)&, decltype(second)&>::enter(no_function);
    const auto run = [&](std::size_t number, const auto& call) {
        memory_sink task, result;
        writer to(task);
        to(number, call);
        memory_source from(task);
        made->run(from, result, note_return);
        return std::string(reinterpret_cast<const char*>(result.data()), result.size());
    };
    const std::string text = run(1, second);
    memory_source from(text.data(), text.size());
    CHECK(value_from<std::string>(from) == "x!");
    CHECK(run(0, first).size() == sizeof(double));
    CHECK_THROWS_AS(run(2, first), decode_error);
}
