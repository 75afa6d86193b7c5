#!/usr/bin/env bash
# Builds the examples, after installing what they need, and runs them one after the other: examples/run.sh
set -euo pipefail
cd "$(dirname "$0")/.."
source cmake/packages.sh

need_packages g++ cmake ninja-build pkg-config libdlib-dev libcurl4-openssl-dev libcpp-httplib-dev libtbb-dev libssl-dev
need_cmake_3_25

cmake --preset examples
cmake --build --preset examples
for example in sqrt train_models http_requests pool_backend tbb_backend; do
    printf '\n--- %s\n' "$example"
    "build/examples/$example"
done
