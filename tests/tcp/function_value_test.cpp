#include <cmath>
#include <fanout/core/delayed.hpp>
#include <fanout/core/errors.hpp>
#include <fanout/serialize/memory.hpp>
#include <fanout/tcp/function_value.hpp>
#include <string>
#include <vector>

#include "catch.hpp"

using namespace fanout;
using namespace fanout::detail;

template <class F>
F there_and_back(const F& f) {
    memory_sink sink;
    writer to(sink);
    write_function_value(to, f);
    memory_source source(sink);
    reader from(source);
    F again = read_function_value<F>(from);
    CHECK(source.left() == 0);
    return again;
}

template <class F>
bool is_refused_as_pointer(const F& f) {
    memory_sink sink;
    writer to(sink);
    try {
        write_function_value(to, f);
        return false;
    } catch (const serialization_error& e) {
        return std::string(e.what()).find("capture by value") != std::string::npos;
    }
}

static double half(int x) { return x / 2.0; }

struct table {
    std::vector<double> values;
    double operator()(int i) const { return values[static_cast<std::size_t>(i)]; }
};

/// Trivially copyable, but not a literal type: GCC cannot look into a lambda that has captured one.
struct opaque {
    double value;
    bool sign;
    explicit opaque(double of) : value(of), sign(of < 0) {}
};

TEST_CASE("functions arrive: pointers, lambdas with what they capture by value, functors with state") {
    CHECK(there_and_back(&half)(3) == 1.5);
    CHECK(there_and_back([](int x) { return x + 1; })(1) == 2);
    const double factor = 1.5;
    const bool negated = factor > 0;
    CHECK(there_and_back([factor, negated](int x) { return negated ? -x * factor : x * factor; })(2) == -3.0);
    CHECK(there_and_back(table{{1, 2, 3}})(2) == 3);
}

TEST_CASE("captures by reference and pointers are refused in plain words") {
    int k = 1;
    int* const pointer = &k;
    const char* const text = "text";
    CHECK(is_refused_as_pointer([&k](int x) { return x + k; }));
    CHECK(is_refused_as_pointer([&](int x) { return x + k; }));
    CHECK(is_refused_as_pointer([pointer](int x) { return x + *pointer; }));
    CHECK(is_refused_as_pointer([text](int x) { return text[x]; }));
    CHECK(is_refused_as_pointer([f = &half](int x) { return f(x); }));
    const opaque beside(2);
    CHECK(is_refused_as_pointer([beside, &k](int x) { return x + k + beside.value; }));
    CHECK(is_refused_as_pointer([&k, beside](int x) { return x + k + beside.value; }));
}

TEST_CASE("numbers and padding are never taken for pointers") {
    for (int i = 0; i < 100; ++i) {
        // What was on the stack before may have been anything, also addresses.
        volatile std::uintptr_t garbage[8];
        for (auto& each : garbage) each = reinterpret_cast<std::uintptr_t>(&garbage[0]);
        const double d = i;
        const bool b = i % 2 == 0;
        const opaque o(i);
        CHECK(!is_refused_as_pointer([d, b](int x) { return b ? x : d; }));
        CHECK(!is_refused_as_pointer([b, d](int x) { return b ? x : d; }));
        CHECK(!is_refused_as_pointer([o, b](int x) { return b ? x : o.value; }));
        std::uint64_t large = 0x0123'4567'89ab'cdef;
        CHECK(!is_refused_as_pointer([large, o](int x) { return large + static_cast<std::uint64_t>(x + o.value); }));
    }
}

TEST_CASE("delayed calls arrive with their arguments") {
    auto call = delayed(&half)(5);
    const auto bytes = bytes_of(call);
    CHECK(value_from<decltype(call)>(bytes)() == 2.5);
    auto joined = delayed([](const std::string& a, const std::vector<int>& b) { return a + std::to_string(b.size()); })(
        "x", std::vector{1, 2});
    static_assert(!serializable<delayed_call<int (*)(int*), int*>>);
    auto sum = delayed([](int a, double b) { return a + b; })(1, 2.5);
    CHECK(value_from<decltype(sum)>(bytes_of(sum))() == 3.5);
    CHECK(joined() == "x2");
}

TEST_CASE("what can never be sent is known when it is compiled") {
    static_assert(can_be_sent_as_function<decltype(&half)>);
    static_assert(can_be_sent_as_function<table>);
    static_assert(!can_be_sent_as_function<int (table::*)(int) const>);
    const std::string text = "text";
    const auto captures_string = [text](int) { return text; };
    static_assert(!can_be_sent_as_function<std::remove_cv_t<decltype(captures_string)>>);
    CHECK(captures_string(0) == "text");
}
