#!/usr/bin/env bash
# The tests with a real Slurm of four nodes on this machine: slurm.sh PROGRAM. Exit code 77: skipped.
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "$0")/../.."
source cmake/packages.sh
source examples/cluster/slurm_cluster.sh

have_slurm || exit 77
folder=$(mktemp -d /tmp/fanout-test-XXXXXX)
trap 'stop_slurm; rm -rf "$folder"' EXIT
trap 'exit 1' TERM INT HUP
start_slurm
cd "$folder"  # where the logs of workers go

status=0
run() {  # run NAME COMMAND...
    printf '%s: ' "$1"
    "${@:2}" || status=1
}

source_of_cluster=$OLDPWD/examples/cluster/slurm_cluster.sh
tell_tests_how_to_kill_nodes() {
    export fanout_kill_node="source '$source_of_cluster'; slurm_dir='$slurm_dir' slurm_hosts='$slurm_hosts'; kill_node"
}

# Steps, jobs and processes of workers must be gone after so many seconds.
expect_nothing_left() {
    local waited left processes
    for ((waited = 0; waited < 10 * $1; ++waited)); do
        left=$(squeue -h)
        processes=$(pgrep -f -- "$program --fanout-worker" || true)
        if [[ -z $left$processes ]]; then return; fi
        sleep 0.1
    done
    printf 'left behind: %s %s\n' "$left" "$processes" >&2
    status=1
}

tell_tests_how_to_kill_nodes
run 'on a login node' "$program" '[outside]'
run 'in an allocation' salloc -Q -N3 -c2 --no-kill "$program" '[inside]'
run 'in an allocation with a time limit' salloc -Q -N1 -c2 -t 2 "$program" '[time]'
run 'as a batch script' sbatch -Q -W -N2 -c2 --no-kill --output=batch.log --wrap "$program '[batch]'"
cat batch.log
run 'in an allocation that loses a node' salloc -Q -N3 -c2 --no-kill "$program" '[node]'

expect_nothing_left 15

if can_have_hosts; then
    stop_slurm
    start_slurm hosts
    tell_tests_how_to_kill_nodes
    run 'on a login node, nodes are hosts of their own' "$program" '[outside][hosts]'
    run 'in an allocation of hosts' salloc -Q -N3 -c2 --no-kill "$program" '[inside][hosts]'
    run 'in an allocation that loses a host' salloc -Q -N3 -c2 --no-kill "$program" '[node]'
    # The worker on the host that is cut off looks for its coordinator for half a minute.
    expect_nothing_left 60
fi

if compgen -G "$folder/.fanout-*" >/dev/null; then
    echo "left behind: $(ls -A "$folder")" >&2
    status=1
fi
exit $status
