#!/usr/bin/env bash
# Trains models on a Spark of a master and three workers that is started on this machine, while a worker of fanout is
# killed and a machine of Spark is lost. examples/cluster/spark.sh: on Debian 12; exit code 77 where Spark cannot be
# installed.
set -euo pipefail
cd "$(dirname "$0")/../.."
source examples/cluster/common.sh
source examples/cluster/spark_cluster.sh

build_train_on_engine
have_spark || exit 77
log=$(mktemp /tmp/fanout-example-XXXXXX)
runner=
trap 'kill $runner 2>/dev/null || true; stop_spark; rm -f "$log"' EXIT
trap 'exit 1' TERM INT HUP
start_spark 3

say 'the cluster'
spark_view
say "train_on_engine --engine spark --master $spark_master --jobs 3"
"$program" --engine spark --master "$spark_master" --submit "$SPARK_SUBMIT" --jobs 3 --groups 300 --rows 60000 \
    >"$log" 2>&1 &
runner=$!
wait_for_models "$log" 10
spark_view

say 'a worker is killed'
kill_a_worker
wait_for_models "$log" 50
spark_view

say 'a machine of Spark is lost'
echo "kill -KILL $spark_node"
disown "$spark_node"  # or bash would announce its death
kill -KILL "$spark_node"
wait_for_models "$log" 90
spark_view

say 'the end'
wait "$runner"
grep -v '^[0-9]* of [0-9]* models$' "$log"
grep -q 'models equal *yes' "$log"
