# What slurm.sh and spark.sh have in common. To be sourced, in fanout's folder.
source cmake/packages.sh

build_train_on_engine() {
    need_packages g++ cmake ninja-build pkg-config libdlib-dev libcurl4-openssl-dev libcpp-httplib-dev libssl-dev
    need_cmake_3_25
    cmake --preset examples >/dev/null
    cmake --build --preset examples --target train_on_engine
    program=$PWD/build/examples/train_on_engine
}

say() { printf '\n--- %s\n' "$1"; }

# Until $runner, which writes this log, has so many models.
wait_for_models() {  # wait_for_models LOG COUNT
    local waited
    for ((waited = 0; waited < 1200; ++waited)); do
        if awk -v wanted="$2" '/ of [0-9]+ models/ && $1 >= wanted { found = 1 } END { exit !found }' "$1"; then return; fi
        if ! kill -0 "$runner" 2>/dev/null; then break; fi
        sleep 0.1
    done
    echo "it has not come to $2 models:" >&2
    tail "$1" >&2
    return 1
}

# One of the workers' first processes, which talk to the coordinator.
kill_a_worker() {
    local worker
    worker=$(pgrep -o -U "$(id -u)" -f -- '^[^ ]*/train_on_engine --fanout-worker')
    echo "kill -KILL $worker, a worker"
    kill -KILL "$worker"
}
