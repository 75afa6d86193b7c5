#!/usr/bin/env bash
# Builds the fuzzers, after installing what they need, and runs each with N inputs (a million), as many at a time as there
# are CPUs: tests/fuzz/run.sh [N]
set -euo pipefail
cd "$(dirname "$0")/../.."
source cmake/packages.sh

need_packages cmake ninja-build python3 catch2 libcereal-dev clang-19 libclang-rt-19-dev lld-19 llvm-19
need_cmake_3_25
export ASAN_SYMBOLIZER_PATH=${ASAN_SYMBOLIZER_PATH:-$(command -v llvm-symbolizer-19)}  # so that a finding has names

fuzzers=(model tree containers standard flat functions exceptions frames)
cmake --preset fuzz -DFANOUT_FUZZ_RUNS="${1:-1000000}"
cmake --build --preset fuzz --target fuzz_seeds "${fuzzers[@]/#/fuzz_}"
ctest --preset fuzz --parallel "$(nproc)"
