#!/usr/bin/env bash
# Makes the single header and builds programs with it instead of include/: single_header.sh FOLDER COMPILER [PROGRAM...]
set -euo pipefail

folder=$1
compiler=$2
root=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$folder/fanout"
python3 "$root/cmake/single_header.py" "$folder/fanout_single.hpp"
# The programs include the headers by the names that these have in include/.
for header in fanout progress_bar tcp; do echo '#include "../fanout_single.hpp"' >"$folder/fanout/$header.hpp"; done

build() {  # build PROGRAM SOURCE... [FLAG...]
    "$compiler" -std=c++20 -Wall -Wextra -Wpedantic -Werror -I "$folder" "${@:2}" -o "$folder/$1" -pthread
}
build consumer "$root"/tests/install/consumer/{library,main}.cpp
"$folder/consumer"
build_program() {  # build_program PROGRAM, with its folder and without .cpp
    local flags=(-I "$(dirname "$1")")
    if grep -q 'fanout/tcp.hpp' "$1.cpp"; then flags+=(-DFANOUT_WITH_TCP -lssl -lcrypto); fi
    build "$(basename "$1")" "$1.cpp" "${flags[@]}"
}
export -f build build_program
export compiler folder
printf '%s\n' "${@:3}" | xargs --no-run-if-empty --max-procs="$(nproc)" -I{} bash -euc 'build_program {}'
for program in "${@:3}"; do timeout 60 "$folder/$(basename "$program")"; done
