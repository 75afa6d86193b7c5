#!/usr/bin/env bash
# Builds the fuzzers, after installing what they need, and runs each with N inputs (a million): tests/fuzz/run.sh [N]
set -euo pipefail
cd "$(dirname "$0")/../.."
source cmake/packages.sh

need_packages cmake ninja-build python3 catch2 libcereal-dev clang-19 libclang-rt-19-dev
need_cmake_3_25
fuzzers=(model tree containers standard flat functions exceptions)
cmake --preset asan-ubsan -DFANOUT_FUZZ=ON -DFANOUT_FUZZ_RUNS="${1:-1000000}"
cmake --build --preset asan-ubsan --target fuzz_seeds "${fuzzers[@]/#/fuzz_}"
ctest --preset asan-ubsan --label-regex fuzz
