// Tests of cereal.hpp: types that need cereal itself arrive as well.
#include <fanout/serialize/cereal.hpp>

#include <atomic>
#include <cereal/types/atomic.hpp>
#include <cereal/types/base_class.hpp>
#include <cereal/types/map.hpp>
#include <cereal/types/memory.hpp>
#include <cereal/types/polymorphic.hpp>
#include <cereal/types/queue.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/valarray.hpp>
#include <cereal/types/vector.hpp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <valarray>
#include <vector>

#include "catch.hpp"
#include "support/round_trip.hpp"

namespace library {

/// Somebody else's class: people write cereal's functions for it in namespace cereal.
class vec3 {
public:
    double v[3] = {};
    bool operator==(const vec3& other) const { return v[0] == other.v[0] && v[1] == other.v[1] && v[2] == other.v[2]; }
};

}  // namespace library

namespace cereal {

template <class Archive>
void serialize(Archive& archive, library::vec3& value) {
    archive(cereal::make_nvp("x", value.v[0]), value.v[1], value.v[2]);
}

}  // namespace cereal

namespace ours {

class named {
public:
    named() = default;
    named(std::string n, std::vector<int> v) : name(std::move(n)), values(std::move(v)) {}
    template <class Archive>
    void serialize(Archive& archive) {
        archive(CEREAL_NVP(name), cereal::make_nvp("numbers", values), CEREAL_NVP(by_name), CEREAL_NVP(where));
    }
    bool operator==(const named&) const = default;
    std::string name;
    std::vector<int> values;
    std::map<std::string, std::vector<double>> by_name;
    library::vec3 where;
};

class hidden {
public:
    explicit hidden(int n) : n_(n) {}
    bool operator==(const hidden&) const = default;

private:
    friend class cereal::access;
    hidden() = default;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(n_);
    }
    int n_ = 0;
};

struct minimal {
    int number = 0;
    template <class Archive>
    int save_minimal(const Archive&) const {
        return number;
    }
    template <class Archive>
    void load_minimal(const Archive&, const int& value) {
        number = value;
    }
    bool operator==(const minimal&) const = default;
};

struct versioned {
    int number = 0;
    std::uint32_t seen = 0;
    template <class Archive>
    void serialize(Archive& archive, const std::uint32_t version) {
        archive(number);
        seen = version;
    }
};

struct animal {
    virtual ~animal() = default;
    virtual std::string sound() const = 0;
    int age = 0;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(age);
    }
};
struct dog : animal {
    std::string name;
    std::string sound() const override { return name + " barks"; }
    template <class Archive>
    void serialize(Archive& archive) {
        archive(cereal::base_class<animal>(this), name);
    }
};

class constructed {
public:
    explicit constructed(int n) : n_(n) {}
    template <class Archive>
    void serialize(Archive& archive) {
        archive(n_);
    }
    template <class Archive>
    static void load_and_construct(Archive& archive, cereal::construct<constructed>& construct) {
        int n = 0;
        archive(n);
        construct(n);
    }
    int n() const { return n_; }

private:
    int n_;
};

struct graph {
    std::shared_ptr<int> first;
    std::shared_ptr<int> second;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(first, second);
    }
};

struct plain {
    std::vector<named> all;
    std::map<int, hidden> by_number;
    int number;
    bool operator==(const plain&) const = default;
};

struct tree {
    std::vector<tree> children;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(CEREAL_NVP(children));
    }
};

}  // namespace ours

CEREAL_CLASS_VERSION(ours::versioned, 3)
CEREAL_REGISTER_TYPE(ours::dog)

using namespace ours;

TEST_CASE("names, private functions and minimal ones, and functions in namespace cereal", "[cereal]") {
    named value("name", {1, 2, 3});
    value.by_name["a"] = {0.5};
    value.where.v[2] = 7;
    CHECK(survives(value));
    CHECK(survives(hidden(7)));
    CHECK(survives(minimal{7}));
    CHECK(survives(library::vec3{{1, 2, 3}}));
    CHECK(survives(plain{{value, named()}, {{1, hidden(2)}}, 7}));
}

TEST_CASE("class versions are cereal's", "[cereal]") {
    const auto arrived = round_trip(versioned{7});
    CHECK(arrived.number == 7);
    CHECK(arrived.seen == 3);
}

TEST_CASE("pointers to a base arrive with what they point to", "[cereal]") {
    auto rex = std::make_unique<dog>();
    rex->name = "Rex";
    rex->age = 5;
    std::unique_ptr<animal> pet = std::move(rex);
    const auto arrived = round_trip(pet);
    CHECK(arrived->sound() == "Rex barks");
    CHECK(arrived->age == 5);

    std::vector<std::shared_ptr<animal>> pets{std::make_shared<dog>(), nullptr};
    CHECK(round_trip(pets)[0]->sound() == " barks");
    CHECK(round_trip(pets)[1] == nullptr);
}

TEST_CASE("what cereal constructs needs no default constructor", "[cereal]") {
    CHECK(round_trip(std::make_unique<constructed>(7))->n() == 7);
}

TEST_CASE("the standard's types that only cereal knows arrive", "[cereal]") {
    std::queue<int> queue;
    queue.push(1);
    queue.push(2);
    CHECK(survives(queue));
    CHECK(round_trip(std::valarray<double>{1, 2, 3})[2] == 3);
}

TEST_CASE("bytes that are no such value are an error", "[cereal]") {
    named value("name", {1, 2, 3});
    std::unique_ptr<animal> pet = std::make_unique<dog>();
    const auto try_mutants_of = []<class T>(const T& original) {
        const auto bytes = fanout::detail::bytes_of(original);
        int refused = 0;
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            for (int byte = 0; byte < 256; ++byte) {
                auto mutant = bytes;
                mutant[i] = static_cast<std::byte>(byte);
                fanout::detail::memory_source source(mutant.data(), mutant.size(), 0);
                fanout::reader from(source);
                try {
                    static_cast<void>(from.read<T>());
                } catch (const fanout::decode_error&) {
                    ++refused;
                }
            }
        }
        CHECK(refused > 0);
    };
    try_mutants_of(value);
    try_mutants_of(pet);
    try_mutants_of(std::queue<int>({1, 2, 3}));
}

TEST_CASE("values of cereal may contain their own type, but not too deep", "[cereal]") {
    tree deep;
    for (int i = 0; i < 300; ++i) {
        tree outer;
        outer.children.push_back(std::move(deep));
        deep = std::move(outer);
    }
    CHECK_THROWS_AS(fanout::detail::bytes_of(deep), std::length_error);
}
