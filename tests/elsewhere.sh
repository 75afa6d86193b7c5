#!/usr/bin/env bash
# What other systems get, as far as that can be told on Linux, and who compiles with other flags: elsewhere.sh COMPILER
# [FLAG...]
set -euo pipefail
cd "$(dirname "$0")"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
compile=("$@" -std=c++20 -O1 -Wall -Wextra -Wpedantic -Werror -I ../include)
as_if=-DFANOUT_AS_IF_NOT_LINUX

"${compile[@]}" "$as_if" elsewhere/program.cpp -o "$work/program" -pthread
"$work/program"
"${compile[@]}" elsewhere/program.cpp -o "$work/program_here" -pthread
"$work/program_here"

included=$("${compile[@]}" "$as_if" -M elsewhere/program.cpp)
for header in sys/eventfd.h sys/prctl.h execinfo.h stdio_ext.h sys/mman.h fanout/processes/supervisor.hpp; do
    if [[ $included == *"/$header"* ]]; then
        echo "$header is included where there is no such header"
        exit 1
    fi
done

refuses() {  # refuses TEXT HEADER FLAG...
    echo "#include <fanout/$2>" >"$work/refused.cpp"
    if "${compile[@]}" "${@:3}" -fsyntax-only "$work/refused.cpp" 2>"$work/errors"; then
        echo "$2 compiles with ${*:3}"
        exit 1
    fi
    grep -q "error: .*$1" "$work/errors"
}
refuses 'fanout: tcp runs on Linux only; on this system use threads{} or sequential{}' tcp.hpp "$as_if"
refuses 'fanout needs exceptions and RTTI' fanout.hpp -fno-rtti
refuses 'fanout needs exceptions and RTTI' fanout.hpp -fno-exceptions
