// Tests of user_functions.hpp: types that write themselves, in all forms that cereal knows.
#include <fanout/serialize/user_functions.hpp>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/matchers.hpp"
#include "support/round_trip.hpp"

namespace outside {

class account {
public:
    account() = default;
    account(std::string owner, long cents) : owner_(std::move(owner)), cents_(cents) {}
    template <class Archive>
    void serialize(Archive& archive) {
        archive(owner_, cents_);
    }
    bool operator==(const account&) const = default;

private:
    std::string owner_;
    long cents_ = 0;
};

class split {
public:
    split() = default;
    explicit split(int n) : n_(n), doubled_(2 * n) {}
    template <class Archive>
    void save(Archive& archive) const {
        archive(n_);
    }
    template <class Archive>
    void load(Archive& archive) {
        archive(n_);
        doubled_ = 2 * n_;
    }
    bool operator==(const split&) const = default;

private:
    int n_ = 0;
    int doubled_ = 0;
};

struct free_one {
    int a = 0;
    std::vector<std::string> b = {};
    bool operator==(const free_one&) const = default;
};
template <class Archive>
void serialize(Archive& archive, free_one& value) {
    archive & value.a & value.b;
}

struct free_split {
    int a = 0;
    bool operator==(const free_split&) const = default;
};
template <class Archive>
void save(Archive& archive, const free_split& value) {
    archive << value.a;
}
template <class Archive>
void load(Archive& archive, free_split& value) {
    archive >> value.a;
}

struct versioned {
    int a = 0;
    template <class Archive>
    void serialize(Archive& archive, const unsigned int version) {
        if (version == 0) archive & a;
    }
    bool operator==(const versioned&) const = default;
};
struct versioned_split {
    int a = 0;
    template <class Archive>
    void save(Archive& archive, const std::uint32_t) const {
        archive(a);
    }
    template <class Archive>
    void load(Archive& archive, const std::uint32_t version) {
        archive(a);
        a += static_cast<int>(version);
    }
    bool operator==(const versioned_split&) const = default;
};
struct free_versioned {
    int a = 0;
    bool operator==(const free_versioned&) const = default;
};
template <class Archive>
void serialize(Archive& archive, free_versioned& value, const std::uint32_t) {
    archive(value.a);
}

/// Everything is private, the default constructor too.
class closed {
public:
    explicit closed(int n) : n_(n) {}
    bool operator==(const closed&) const = default;

private:
    friend fanout::access;
    closed() = default;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(n_);
    }
    int n_ = 0;
};

struct asks {
    bool saved = false;
    bool loaded = false;
    template <class Archive>
    void serialize(Archive& archive) {
        int nothing = 0;
        archive(nothing);
        if (Archive::is_saving::value) saved = true;
        if constexpr (Archive::is_loading::value) loaded = true;
    }
};

/// A base by hand, an array of C, and no bytes at all.
struct base {
    int number = 0;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(number);
    }
};
struct derived : base {
    char name[8] = {};
    std::string texts[2];
    template <class Archive>
    void serialize(Archive& archive) {
        archive(static_cast<base&>(*this), name, texts);
    }
};
struct silent {
    template <class Archive>
    void serialize(Archive&) {}
};

struct forgetful {
    int a = 1, b = 2;
    template <class Archive>
    void save(Archive& archive) const {
        archive(a, b);
    }
    template <class Archive>
    void load(Archive& archive) {
        archive(a);
    }
};

struct throws {
    template <class Archive>
    void serialize(Archive&) {
        throw std::domain_error("no");
    }
};

struct tree {
    std::vector<tree> children = {};
    template <class Archive>
    void serialize(Archive& archive) {
        archive(children);
    }
};

/// Has functions of these names, for something else.
struct other_serialize {
    int n = 0;
    void serialize(std::string&) const {}
    void load() {}
    bool operator==(const other_serialize&) const = default;
};

struct money {
    static money of_cents(long c) { return money(c); }
    long cents() const { return cents_; }
    bool operator==(const money&) const = default;

private:
    explicit money(long c) : cents_(c) {}
    long cents_;
    int* cache_ = nullptr;
};

}  // namespace outside

template <>
struct fanout::codec<outside::money> {
    static void write(writer& to, const outside::money& value) { to(value.cents()); }
    static outside::money read(reader& from) { return outside::money::of_cents(from.read<long>()); }
};

using namespace outside;

TEST_CASE("members and free functions, together or split, with and without a version", "[user_functions]") {
    CHECK(survives(account("a", 3)));
    CHECK(survives(split(7)));
    CHECK(survives(free_one{1, {"a", "b"}}));
    CHECK(survives(free_split{7}));
    CHECK(survives(versioned{7}));
    CHECK(survives(versioned_split{7}));
    CHECK(survives(free_versioned{7}));
    CHECK(survives(std::vector<account>{{"a", 1}, {"b", 2}}));
}

TEST_CASE("private functions and constructors are reached by friends", "[user_functions]") {
    CHECK(survives(closed(7)));
    CHECK(survives(std::vector{closed(1), closed(2)}));
    CHECK(*round_trip(std::make_unique<closed>(3)) == closed(3));
}

TEST_CASE("a codec comes before everything else and needs no default constructor", "[user_functions]") {
    CHECK(survives(money::of_cents(250)));
    CHECK(survives(std::vector{money::of_cents(1), money::of_cents(2)}));
}

TEST_CASE("an archive says which way it goes", "[user_functions]") {
    asks question;
    const auto bytes = fanout::detail::bytes_of(question);
    CHECK(question.saved);
    CHECK(fanout::detail::value_from<asks>(bytes).loaded);
}

TEST_CASE("bases and arrays of C can be written by hand", "[user_functions]") {
    derived value;
    value.number = 7;
    value.name[0] = 'x';
    value.texts[1] = "text";
    const derived arrived = round_trip(value);
    CHECK(arrived.number == 7);
    CHECK(arrived.name[0] == 'x');
    CHECK(arrived.texts[1] == "text");
}

TEST_CASE("functions that write nothing are fine", "[user_functions]") {
    CHECK(round_trip(std::vector<silent>(1000)).size() == 1000);
}

TEST_CASE("a load that reads something else than its save has written is told so", "[user_functions]") {
    CHECK_THROWS_WITH(round_trip(forgetful()),
                      containing("something else than they have written") && containing("outside::forgetful"));
}

TEST_CASE("what the functions throw comes out", "[user_functions]") {
    CHECK_THROWS_AS(fanout::detail::bytes_of(throws()), std::domain_error);
    CHECK_THROWS_AS(fanout::detail::bytes_of(std::vector<throws>(2)), std::domain_error);
}

TEST_CASE("values may contain their own type, but not too deep", "[user_functions]") {
    tree root;
    root.children.resize(2);
    root.children[1].children.resize(3);
    CHECK(round_trip(root).children[1].children.size() == 3);

    tree deep;
    for (int i = 0; i < 300; ++i) {
        tree outer;
        outer.children.push_back(std::move(deep));
        deep = std::move(outer);
    }
    CHECK_THROWS_AS(fanout::detail::bytes_of(deep), std::length_error);
}

TEST_CASE("functions of the same names that do something else are not called", "[user_functions]") {
    CHECK(survives(other_serialize{7}));
}
