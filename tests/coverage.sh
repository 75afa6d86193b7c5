#!/usr/bin/env bash
# How much of include/ the tests run, in lines and branches, worker processes included: tests/coverage.sh
# With the tests on Slurm and Spark, where these can be installed.
# Prints a table, and writes what is not run, line by line, into build/coverage/not_run.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
source cmake/packages.sh

need_packages "${test_packages[@]}" clang-19 libclang-rt-19-dev lld-19 llvm-19
need_cmake_3_25
cmake --preset coverage
# Not the checks of what compiles, which run nothing.
mapfile -t programs < <(cmake --build --preset coverage --target help | sed -n 's/^\([a-z0-9_]*_test\): phony$/\1/p')
cmake --build --preset coverage --target "${programs[@]}"

# Counters are in a file that is mapped (%c): what a process has counted is there however it ends, also by a kill, and its
# forked children count in the same one. One file for each program (%m).
profiles=$PWD/build/coverage/profiles
rm -rf "$profiles"
mkdir -p "$profiles"
export LLVM_PROFILE_FILE="$profiles/%m%c.profraw"
ctest --preset coverage -LE 'compile_fail|compile_time|install|readme|headers' || true
for engine in slurm spark kubernetes; do
    timeout --kill-after=20 600 bash "tests/engines/$engine.sh" "build/coverage/tests/engines_${engine}_test" || true
done
unset LLVM_PROFILE_FILE
llvm-profdata-19 merge --sparse "$profiles"/*.profraw -o build/coverage/all.profdata
python3 tests/coverage.py build/coverage/all.profdata "${programs[@]/#/build/coverage/tests/}" >build/coverage/all.txt
grep -v '^n' build/coverage/all.txt                 # the table; and what is not run:
grep '^n' build/coverage/all.txt >build/coverage/not_run.txt || true
