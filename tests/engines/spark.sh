#!/usr/bin/env bash
# The tests with a real Spark, as a cluster in one program and as one of daemons: spark.sh PROGRAM. Exit code 77: skipped.
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "$0")/../.."
source cmake/packages.sh
source examples/cluster/spark_cluster.sh

have_spark || exit 77
trap 'stop_spark' EXIT
trap 'exit 1' TERM INT HUP

status=0
run() {  # run NAME COMMAND...
    printf '%s: ' "$1"
    "${@:2}" || status=1
}

run 'what can be known before' "$program" '[before]'
run 'a cluster in one program' "$program" '[local-cluster]'
start_spark 2
export spark_node
run 'a cluster of daemons' "$program" '[standalone]'

for ((waited = 0; waited < 100; ++waited)); do
    left=$(pgrep -f -- "$program --fanout-worker|$program.*fanout|spark-submit --deploy-mode client --name fanout" || true)
    [[ -z $left ]] && break
    sleep 0.1
done
if [[ -n $left ]]; then
    echo "left behind:" >&2
    ps -o pid,args -p "$(tr '\n' , <<<"$left" | sed 's/,$//')" >&2 || true
    status=1
fi
exit $status
