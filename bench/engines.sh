#!/usr/bin/env bash
# Calls on real engines, which are started here: bench/engines.sh [--page]
# On a Slurm the first result of a call beside `srun true`; on a Spark of two workers fanout beside joblib with
# joblibspark. What cannot be installed is skipped, with a line that says so. --page: writes the tables into
# docs/engines.md. Exit code 1: a target is missed.
set -euo pipefail
cd "$(dirname "$0")/.."
source cmake/packages.sh
source examples/cluster/slurm_cluster.sh
source examples/cluster/spark_cluster.sh

page=()
if [[ ${1:-} == --page && $# == 1 ]]; then
    page=(--page docs/engines.md)
elif (($# > 0)); then
    echo "usage: bench/engines.sh [--page]" >&2
    exit 2
fi

need_packages g++ cmake ninja-build python3 libbenchmark-dev libtbb-dev libcereal-dev libssl-dev
need_cmake_3_25
cmake --preset bench >/dev/null
cmake --build --preset bench --target bench_engines
program=$PWD/build/bench/bench_engines
results=$PWD/bench/results/engines
rm -rf "$results"
mkdir -p "$results"
trap 'stop_slurm; stop_spark' EXIT
trap 'exit 1' TERM INT HUP

if have_slurm; then
    start_slurm
    salloc -Q -N1 -c2 "$program" slurm 2>/dev/null >"$results/slurm.json"
    stop_slurm
fi
if have_spark; then
    if "$spark_venv/bin/pip" install -q joblib==1.6.0 joblibspark==0.6.0 packaging setuptools; then
        start_spark 2
        "$program" spark "$spark_master" "$SPARK_SUBMIT" 2>/dev/null >"$results/spark.json"
        "$spark_venv/bin/python3" bench/spark_peer.py "$spark_master" 2>/dev/null >"$results/joblibspark.json"
        # The versions of joblib's tutorial, on the same Spark.
        tutorial=build/python-tutorial-spark
        if have_python_with "$tutorial" joblib==1.1.0 joblibspark==0.5.0 'numpy<2'; then
            PYTHONPATH=$(dirname "$spark_home") SPARK_HOME=$spark_home PYSPARK_PYTHON=$PWD/$tutorial/bin/python \
                timeout 300 "$tutorial/bin/python" bench/spark_peer.py "$spark_master" 2>/dev/null \
                >"$results/joblibspark_of_tutorial.json" || rm "$results/joblibspark_of_tutorial.json"
        fi
        stop_spark
    else
        echo 'SKIPPED: joblibspark could not be installed' >&2
    fi
fi
python3 bench/engines_report.py "$results" "${page[@]}"
