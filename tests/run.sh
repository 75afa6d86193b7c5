#!/usr/bin/env bash
# Builds and runs all tests, after installing what they need: tests/run.sh [--preset NAME]
set -euo pipefail
cd "$(dirname "$0")/.."
source cmake/packages.sh

preset=dev
if (($# == 2)) && [[ $1 == --preset ]]; then
    preset=$2
elif (($# > 0)); then
    echo "usage: tests/run.sh [--preset dev|release|clang|asan-ubsan|tsan]" >&2
    exit 2
fi

packages=("${test_packages[@]}")
if [[ $preset == *san || $preset == clang ]]; then packages+=(clang-19 libclang-rt-19-dev lld-19); fi
if [[ $preset == *san ]]; then packages+=(llvm-19); fi  # whose symbolizer gives names to what a sanitizer reports
need_packages "${packages[@]}"
need_cmake_3_25

cmake --preset "$preset"
cmake --build --preset "$preset"
ctest --preset "$preset"
