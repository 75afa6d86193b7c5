// A shared library that uses fanout itself, as its host does.
#pragma once

#include <vector>

std::vector<int> cubes(const std::vector<int>& of);
