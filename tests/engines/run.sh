#!/usr/bin/env bash
# Tests with real engines, which are installed and started here and gone afterwards: tests/engines/run.sh [NAME...]
# NAME: slurm, spark, kubernetes; none: all. What cannot be installed is skipped, with a line that says so.
set -euo pipefail
cd "$(dirname "$0")/../.."
source cmake/packages.sh

engines=("$@")
if ((${#engines[@]} == 0)); then engines=(slurm spark kubernetes); fi

need_packages g++ cmake ninja-build python3 catch2 libssl-dev
need_cmake_3_25
cmake --preset dev >/dev/null
targets=()
for engine in "${engines[@]}"; do targets+=("engines_${engine}_test"); done
cmake --build --preset dev --target "${targets[@]}"

passed=0 failed=0 skipped=0
for engine in "${engines[@]}"; do
    printf '\n--- %s\n' "$engine"
    status=0
    timeout --kill-after=20 300 bash "tests/engines/$engine.sh" "build/dev/tests/engines_${engine}_test" || status=$?
    case $status in
        0) passed=$((passed + 1)) ;;
        77) skipped=$((skipped + 1)) ;;
        *)
            echo "FAILED: $engine, with exit code $status" >&2
            failed=$((failed + 1))
            ;;
    esac
done
printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
exit $((failed > 0))
