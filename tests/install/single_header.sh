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
for program in "${@:3}"; do  # without .cpp
    flags=(-I "$(dirname "$program")")
    if grep -q 'fanout/tcp.hpp' "$program.cpp"; then flags+=(-DFANOUT_WITH_TCP -lssl -lcrypto); fi
    build program "$program.cpp" "${flags[@]}"
    timeout 60 "$folder/program"
done
