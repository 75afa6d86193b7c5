#!/usr/bin/env bash
# Builds the benchmarks, after installing what they need, and runs them: bench/run.sh [--quick] [--check] [--readme]
# Figures and charts come into bench/results. --quick: three rounds of what limits.txt and the model of scaling.py are
# about, in less than three minutes with the build; --check: status 1 if something is slower than limits.txt lets CI have
# it; --readme: writes the tables into README.md and docs/measurements.md, the targets into bench/targets.md, the model
# into docs/scaling.md and two charts into docs/charts.
set -euo pipefail
cd "$(dirname "$0")/.."
source cmake/packages.sh

rounds=9
check=
report=()
for argument; do
    case $argument in
        --quick) rounds=3 ;;
        --check) check=yes ;;
        --readme) report+=(--readme README.md) ;;
        *)
            echo "usage: bench/run.sh [--quick] [--check] [--readme]" >&2
            exit 2
            ;;
    esac
done
is_full() { ((rounds > 3)); }

need_packages g++ cmake ninja-build python3 libbenchmark-dev libtbb-dev libcereal-dev libssl-dev
if is_full; then
    need_packages python3-venv openmpi-bin parallel pkg-config libdlib-dev libcurl4-openssl-dev libcpp-httplib-dev
fi
need_cmake_3_25
cmake --preset bench
cmake --build --preset bench

results=bench/results
rm -rf "$results"
mkdir -p "$results"
version_of() { dpkg-query -W -f='${Version}' "$1" | sed 's/[-+].*//'; }
versions="$(g++ --version | head -n 1 | sed 's/ (.*)//'); oneTBB $(version_of libtbb-dev); libgomp of the same GCC"

measure() {  # measure NAME ROUNDS [ARGUMENT...]
    build/bench/bench_"$1" --benchmark_repetitions="$2" --benchmark_out="$results/$1.json" --benchmark_out_format=json \
        "${@:3}" >"$results/$1.log" 2>&1
}
if_quick() { if ! is_full; then echo "--benchmark_filter=$1"; fi; }
measure threads "$rounds" --benchmark_enable_random_interleaving=true --benchmark_context=rounds="$rounds" \
    --benchmark_context=versions="$versions" \
    $(if_quick '^(sqrt_(hot|cold|stream)/(loop|fanout|tbb|openmp_static)|ramp/(loop|fanout)|waiting)/')
measure processes "$rounds" --benchmark_enable_random_interleaving=true --benchmark_min_time=0.2
measure serialize $(((rounds + 1) / 2)) --benchmark_min_time=0.1 \
    $(if_quick '/(vector_double_100MB/(fanout|memcpy)|(vector_string_1e6|vector_aggregate_3e5)/(fanout|cereal))/')
measure observing $((rounds / 2)) $(if_quick '^(progress|trace)/')
# Workers of tcp, on this machine, and what a thousand of them would cost the program that they work for.
measure tcp "$rounds" --benchmark_enable_random_interleaving=true --benchmark_min_time=0.2 \
    $(if_quick '^(start|round_trip|empty|gigabyte|shared_table_of_100_)')
for workers in 10 1000; do
    timeout 120 build/bench/bench_tcp_load "$workers" 200000 "$results/tcp_load_$workers.json"
done

# What it costs to compile, the same calls with what others use, where these can be had, and charts.
if is_full; then
    python3 bench/compile_time.py --rounds $(((rounds + 1) / 2)) >"$results/compile_time.json"
    peers=build/python-peers
    tutorial=build/python-tutorial
    wanted=(joblib==1.6.0 distributed==2026.8.0 mpi4py==4.1.2 numpy matplotlib requests scikit-learn)
    have_peers() {
        "$peers/bin/python" -c 'import joblib, distributed, mpi4py, numpy, matplotlib, requests, sklearn' 2>/dev/null
    }
    measure_in_python() {  # measure_in_python NAME [ARGUMENT...]
        "$peers/bin/python" "bench/$1.py" "${@:2}" --rounds 3 >"$results/$1.json.new"
        mv "$results/$1.json.new" "$results/$1.json"  # whole, or not there
    }
    have_peers || { python3 -m venv "$peers" && "$peers/bin/pip" install -q "${wanted[@]}"; } >/dev/null 2>&1 || true
    # joblib's tutorial was written with 1.1.0, whose newest NumPy is the last 1.x.
    have_python_with "$tutorial" joblib==1.1.0 'numpy<2' >/dev/null 2>&1 || true
    if have_peers; then
        if [[ -d $tutorial ]]; then measure_in_python peers --tutorial "$tutorial/bin/python"; else measure_in_python peers; fi
        cmake --preset examples >/dev/null
        cmake --build --preset examples --target sqrt train_models http_requests
        measure_in_python tutorial build/examples build/bench/page_server
        "$peers/bin/python" bench/charts.py "$results"
    else
        echo "${wanted[*]} could not be installed, as without a network: SKIPPED what is measured with them, and charts"
    fi
fi
python3 bench/report.py "$results" "${report[@]}"
python3 bench/scaling.py "$results" ${report:+--page docs/scaling.md}
if ((${#report[@]} > 0)) && is_full; then cp "$results"/{tiny_tasks,worker_task}.svg docs/charts/; fi
if [[ $check ]]; then python3 bench/check.py "$results"; fi
