#!/usr/bin/env bash
# Trains models on a Slurm of four nodes that is started on this machine, while a worker is killed and a node is lost.
# examples/cluster/slurm.sh: as root, on Debian 12; exit code 77 where Slurm cannot be installed.
set -euo pipefail
cd "$(dirname "$0")/../.."
source examples/cluster/common.sh
source examples/cluster/slurm_cluster.sh

build_train_on_engine
have_slurm || exit 77
log=$(mktemp /tmp/fanout-example-XXXXXX)
runner=
trap 'kill $runner 2>/dev/null || true; stop_slurm; rm -f "$log"' EXIT
trap 'exit 1' TERM INT HUP
start_slurm

say 'the cluster'
sinfo
say 'salloc -N3 -c2 --no-kill train_on_engine --engine slurm'
salloc -Q -N3 -c2 --no-kill "$program" --engine slurm --groups 200 --rows 40000 >"$log" 2>&1 &
runner=$!
wait_for_models "$log" 10
squeue --steps --format='%.8i %.10j %.10u %.8M %N'

say 'a worker is killed'
kill_a_worker
wait_for_models "$log" 40
squeue --steps --format='%.8i %.10j %.10u %.8M %N'

say 'a node is lost'
kill_node n2
wait_for_models "$log" 60
sinfo
squeue --format='%.8i %.10j %.8T %.6D %N'

say 'the end'
wait "$runner"
grep -v '^[0-9]* of [0-9]* models$' "$log"
grep -q 'models equal *yes' "$log"
