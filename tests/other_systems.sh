#!/usr/bin/env bash
# What other systems make of fanout: tests/other_systems.sh [--all]
# With the C++ compiler of Zig, which has the headers of all of them: a program is compiled for macOS and FreeBSD, and for
# Linux with musl, as Alpine has, where it is also run. --all: also for older Macs, and under QEMU on ARM (64 and 32 bits)
# and on a machine with the other order of bytes, which takes ten minutes more, for Zig makes a standard library for each.
# Status 77, and a line SKIPPED, if Zig cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."
source cmake/packages.sh

compiled=(aarch64-macos x86_64-freebsd)
run=(x86_64-linux-musl)
if [[ ${1:-} == --all ]]; then
    compiled+=(x86_64-macos)
    run+=(aarch64-linux-musl arm-linux-musleabihf s390x-linux-musl)
    need_packages qemu-user
fi
need_packages python3 python3-venv
zig=build/zig
wanted=ziglang==0.17.1
export ZIG_GLOBAL_CACHE_DIR=$PWD/$zig/cache
if ! have_python_with "$zig" "$wanted"; then
    echo "SKIPPED: other systems, since pip cannot install $wanted"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

compile() {  # compile SYSTEM SOURCE [FLAG...]
    "$zig/bin/python" -m ziglang c++ -target "$1" -std=c++20 -fexperimental-library -O1 -Wall -Wextra -Wpedantic -Werror \
        -I include "${@:3}" "$2"
}
tcp=$work/tcp.cpp
echo '#include <fanout/tcp.hpp>' >"$tcp"

for system in "${compiled[@]}"; do
    echo "$system: compiles"
    compile "$system" tests/elsewhere/program.cpp -c -o "$work/object"
    if compile "$system" "$tcp" -c -o "$work/object" 2>"$work/errors"; then
        echo "tcp.hpp compiles for $system" >&2
        exit 1
    fi
    grep -q 'error: .*fanout: tcp runs on Linux only' "$work/errors"
done

for system in "${run[@]}"; do
    processor=${system%%-*}
    emulator=()
    if [[ $processor != "$(uname -m)" ]]; then emulator=("qemu-$processor"); fi
    echo "$system: compiles, and runs ${emulator[*]:+under ${emulator[*]}}"
    compile "$system" tests/elsewhere/program.cpp -o "$work/program" -pthread
    timeout 300 "${emulator[@]}" "$work/program"
done
