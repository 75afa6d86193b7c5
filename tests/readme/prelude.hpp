// What the snippets of the README and of the pages in docs take for granted.
#pragma once

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fanout/fanout.hpp>
#include <fanout/progress_bar.hpp>
#include <functional>
#include <optional>
#include <random>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

using fanout::delayed, fanout::parallel;
using namespace std::chrono_literals;

inline double root(int i) { return std::sqrt(static_cast<double>(i)); }
inline double add(double x, double y) { return x + y; }
inline std::string shout(const std::string& text) { return text + "!"; }
inline std::string fetch(const std::string& url) { return "page of " + url; }
inline void use(const std::string&) {}

/// Written and read as dlib does it.
struct forest {};
inline void serialize(const forest&, std::ostream& to) { to << "trees"; }
inline void deserialize(forest&, std::istream& from) { from.ignore(5); }

inline const std::vector<int> numbers{1, 4, 9, 16};
inline const std::vector<double> xs{1, 2, 3}, ys{10, 20, 30};
inline const std::vector<std::string> urls{"a", "b"};
inline std::vector<std::size_t> squares(10);
inline const auto indices = std::views::iota(std::size_t{0}, squares.size());
inline std::vector<double> roots;
