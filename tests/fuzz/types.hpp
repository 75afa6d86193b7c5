// The types whose reading is fuzzed: each for another part of the codec.
#pragma once

#include <array>
#include <bitset>
#include <chrono>
#include <complex>
#include <cstdint>
#include <deque>
#include <forward_list>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

namespace fuzz {

struct tree {
    int feature;
    double threshold;
    std::vector<tree> children;
};

struct model {
    std::string name;
    std::vector<tree> trees;
    std::map<std::string, std::optional<double>> scores;
    std::variant<int, std::string> tag;
    std::array<float, 3> bias;
};

struct containers {
    std::vector<std::string> strings;
    std::u32string wide;
    std::vector<bool> bits;
    std::deque<std::vector<int>> deque;
    std::list<std::set<int>> sets;
    std::forward_list<std::string> list;
    std::multimap<int, std::string> multimap;
    std::unordered_map<std::string, std::vector<double>> table;
};

enum class colour : std::uint8_t { red, green };

struct standard {
    std::tuple<int, std::string, std::monostate> tuple;
    std::variant<std::monostate, bool, std::vector<std::variant<int, std::string>>> variant;
    std::optional<std::optional<std::string>> optional;
    std::unique_ptr<standard> next;
    std::shared_ptr<std::string> text;
    std::bitset<70> bits;
    std::chrono::milliseconds time;
    std::complex<double> number;
    std::error_code code;
    colour hue;
};

struct pod {
    double x;
    bool on;
    colour hue;
    int grid[2][3];
    bool flags[3];
};

struct flat {
    std::vector<pod> pods;
    std::array<pod, 2> two;
    std::string names[2];
    std::map<int, pod> by_number;
};

class functions {
public:
    template <class Archive>
    void save(Archive& archive) const {
        archive(name_, children_.size());
        for (const functions& child : children_) archive(child);
    }
    template <class Archive>
    void load(Archive& archive) {
        std::size_t size = 0;
        archive(name_, size);
        for (std::size_t i = 0; i < size; ++i) {  // the size is checked by nobody: the bytes will end
            children_.emplace_back();
            archive(children_.back());
        }
    }

private:
    std::string name_;
    std::deque<functions> children_;
};

}  // namespace fuzz
