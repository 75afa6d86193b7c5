#!/usr/bin/env bash
# Builds the benchmarks, after installing what they need, and runs them: bench/run.sh [--quick] [--check] [--readme]
# --quick: fewer rounds; --check: status 1 if a target is missed; --readme: writes the table into README.md.
set -euo pipefail
cd "$(dirname "$0")/.."
source cmake/packages.sh

rounds=9
report=()
for argument; do
    case $argument in
        --quick) rounds=5 ;;
        --check) report+=(--check) ;;
        --readme) report+=(--readme README.md) ;;
        *)
            echo "usage: bench/run.sh [--quick] [--check] [--readme]" >&2
            exit 2
            ;;
    esac
done

need_packages g++ cmake ninja-build python3 python3-venv libbenchmark-dev libtbb-dev libcereal-dev libssl-dev
need_cmake_3_25
cmake --preset bench
cmake --build --preset bench

version_of() { dpkg-query -W -f='${Version}' "$1" | sed 's/[-+].*//'; }
mkdir -p build/results
build/bench/bench_threads --benchmark_repetitions="$rounds" --benchmark_enable_random_interleaving=true \
    --benchmark_context=rounds="$rounds" \
    --benchmark_context=versions="$(g++ --version | head -n 1 | sed 's/ (.*)//'); oneTBB $(version_of libtbb-dev); libgomp of the same GCC" \
    --benchmark_out=build/results/threads.json --benchmark_out_format=json >build/results/threads.log
build/bench/bench_processes --benchmark_repetitions="$rounds" --benchmark_enable_random_interleaving=true \
    --benchmark_out=build/results/processes.json --benchmark_out_format=json >build/results/processes.log
build/bench/bench_serialize --benchmark_repetitions=$((rounds / 2)) --benchmark_min_time=0.1 \
    --benchmark_out=build/results/serialize.json --benchmark_out_format=json >build/results/serialize.log

# Workers of tcp, on this machine, and what a thousand of them would cost the program that they work for.
build/bench/bench_tcp --benchmark_repetitions=3 --benchmark_report_aggregates_only=true \
    --benchmark_out=build/results/tcp.json --benchmark_out_format=json
for workers in 10 1000; do build/bench/bench_tcp_load "$workers" 200000; done

# joblib's worker processes, for comparison, where it can be had.
joblib_version=1.4.2
joblib=build/joblib-$joblib_version
if [[ ! -x $joblib/bin/python ]] || ! "$joblib/bin/python" -c 'import joblib' 2>/dev/null; then
    { python3 -m venv "$joblib" && "$joblib/bin/pip" install -q "joblib==$joblib_version"; } >/dev/null 2>&1 || true
fi
if "$joblib/bin/python" -c 'import joblib' 2>/dev/null; then
    "$joblib/bin/python" bench/joblib_calls.py --rounds "$rounds" >build/results/joblib.json
    report+=(--joblib build/results/joblib.json)
else
    echo "joblib $joblib_version could not be installed, as without a network: it is not measured"
fi
python3 bench/report.py build/results/threads.json build/results/processes.json build/results/serialize.json "${report[@]}"
