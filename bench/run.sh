#!/usr/bin/env bash
# Builds the benchmarks, after installing what they need, and runs them: bench/run.sh [--quick] [--check] [--readme]
# Figures and charts come into bench/results. It takes some 25 minutes, and installs what others use instead of fanout, from
# Debian or Ubuntu and, into build/, from PyPI.
#
#   --quick   three rounds of what limits.txt and the model of scaling.py are about, in less than three minutes with the
#             build, and nothing of Python
#   --check   status 1 if something is slower than limits.txt lets CI have it, twice if it is a quick run: the machine may
#             have been busy the first time
#   --readme  writes the tables into README.md and docs/measurements.md, the targets into bench/targets.md, the model into
#             docs/scaling.md and two charts into docs/charts; not if --check has failed
set -euo pipefail
cd "$(dirname "$0")/.."
source cmake/packages.sh

usage() { sed -n '2,/^set/ { /^#/ s/^# \{0,1\}//p }' bench/run.sh; }
rounds=9
check=
readme=
for argument; do
    case $argument in
        --quick) rounds=3 ;;
        --check) check=yes ;;
        --readme) readme=yes ;;
        --help | -h)
            usage
            exit
            ;;
        *)
            printf 'There is no option %s.\n\n' "$argument" >&2
            usage >&2
            exit 2
            ;;
    esac
done
is_full() { ((rounds > 3)); }
if [[ $readme ]] && ! is_full; then
    echo "--readme needs a full run: without --quick" >&2
    exit 2
elif [[ $readme ]] && ! grep -q '<!-- bench: threads -->' README.md; then
    echo "README.md has no place for the tables: <!-- bench: threads --> ... <!-- end of bench -->" >&2
    exit 2
fi
# They would change what is measured.
for variable in $(compgen -e | grep -E '^(FANOUT|OMP|GOMP|TBB)_' || true); do unset "$variable"; done

need_packages g++ cmake ninja-build python3 libbenchmark-dev libtbb-dev libcereal-dev libssl-dev
if is_full; then
    need_packages python3-venv openmpi-bin parallel pkg-config libdlib-dev libcurl4-openssl-dev libcpp-httplib-dev
fi
need_cmake_3_25
cmake --preset bench
cmake --build --preset bench

results=bench/results
mkdir -p "$results"
rm -f "$results"/*.*  # but not what bench/engines.sh has there
version_of() { dpkg-query -W -f='${Version}' "$1" | sed 's/[-+].*//'; }
versions="$(g++ --version | head -n 1 | sed 's/ (.*)//') -O2; oneTBB $(version_of libtbb-dev); libgomp of the same GCC; "
versions+="OpenSSL $(version_of libssl-dev); cereal $(version_of libcereal-dev)"
cpu=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)

# In the background, so that a signal is acted on at once and nothing is left running.
trap 'jobs -p | xargs --no-run-if-empty kill 2>/dev/null' EXIT
trap 'exit 1' TERM INT HUP
log_to() {  # log_to FILE COMMAND...
    local status=0
    "${@:2}" >"$1" 2>&1 &
    wait $! || status=$?
    if ((status == 0)); then return; fi
    printf '%s: exit code %d. The last lines of %s:\n' "$2" "$status" "$1" >&2
    tail -n 20 "$1" >&2
    return "$status"
}
measure() {  # measure NAME ROUNDS [ARGUMENT...]
    printf 'measuring %s, %d rounds\n' "$1" "$2"
    log_to "$results/$1.log" build/bench/bench_"$1" --benchmark_repetitions="$2" --benchmark_out="$results/$1.json" \
        --benchmark_out_format=json "${@:3}"
}
if_quick() { if ! is_full; then echo "--benchmark_filter=$1"; fi; }
measure_fanout() {
    measure threads "$rounds" --benchmark_enable_random_interleaving=true --benchmark_context=rounds="$rounds" \
        --benchmark_context=versions="$versions" --benchmark_context=cpu="$cpu" \
        $(if_quick '^(sqrt_(hot|cold|stream)/(loop|least|fanout|tbb|openmp_static)|(ramp|lognormal|nested)/(loop|fanout)|waiting)/')
    measure processes "$rounds" --benchmark_enable_random_interleaving=true --benchmark_min_time=0.2
    measure serialize $(((rounds + 1) / 2)) --benchmark_min_time=0.1 \
        $(if_quick '/(vector_double_100MB/(fanout|memcpy)|(vector_string_1e6|vector_aggregate_3e5)/(fanout|cereal))/')
    measure observing $((rounds / 2)) $(if_quick '^(progress|trace)/')
    # Workers of tcp, on this machine, and what a thousand of them would cost the program that they work for.
    measure tcp "$rounds" --benchmark_enable_random_interleaving=true --benchmark_min_time=0.2 \
        $(if_quick '^(start|round_trip|byte|empty|gigabyte|shared_table_of_100_)')
    local workers
    for workers in 10 1000; do
        echo "measuring what $workers workers of tcp cost"
        log_to "$results/tcp_load_$workers.log" \
            timeout 120 build/bench/bench_tcp_load "$workers" 200000 "$results/tcp_load_$workers.json"
    done
}
measure_fanout

# What it costs to compile, the same calls with what others use, where these can be had, and charts.
peers=build/python-peers
tutorial=build/python-tutorial
in_python() {  # in_python NAME [ARGUMENT...]: the figures, whole or not at all
    echo "measuring what bench/$1.py does"
    "$peers/bin/python" "bench/$1.py" "${@:2}" --rounds 3 >"$results/$1.new" &
    wait $! && mv "$results/$1.new" "$results/$1.json"
}
if is_full; then
    echo 'measuring what it takes to compile'
    python3 bench/compile_time.py --rounds $(((rounds + 1) / 2)) >"$results/compile_time.json"
    if have_python_with "$peers" joblib==1.6.0 distributed==2026.8.0 mpi4py==4.1.2 numpy matplotlib requests scikit-learn; then
        # joblib's tutorial was written with 1.1.0, whose newest NumPy is the last 1.x.
        of_tutorial=()
        if have_python_with "$tutorial" joblib==1.1.0 'numpy<2'; then of_tutorial=(--tutorial "$tutorial/bin/python"); fi
        in_python peers "${of_tutorial[@]}" || echo 'SKIPPED: the peers, which failed' >&2
        cmake --preset examples >/dev/null
        cmake --build --preset examples --target sqrt train_models http_requests
        in_python tutorial build/examples build/bench/page_server || echo "SKIPPED: joblib's tutorial, which failed" >&2
    else
        echo 'SKIPPED: what is measured with packages from PyPI, which cannot be installed, and charts' >&2
    fi
fi
python3 bench/report.py "$results"
python3 bench/scaling.py "$results"
if [[ -x $peers/bin/python ]] && is_full; then
    "$peers/bin/python" bench/charts.py "$results" || echo 'SKIPPED: the charts, which could not be drawn' >&2
fi
if [[ $check ]] && ! python3 bench/check.py "$results"; then
    if is_full; then exit 1; fi
    echo 'Once more, for the machine may have been busy.'
    measure_fanout
    python3 bench/check.py "$results"
fi
if [[ $readme ]]; then
    python3 bench/report.py "$results" --readme README.md >/dev/null
    python3 bench/scaling.py "$results" --page docs/scaling.md >/dev/null
    cp "$results"/{tiny_tasks,worker_task}.svg docs/charts/
fi
echo "The figures are in $results."
