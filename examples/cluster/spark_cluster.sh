# A Spark cluster on this machine, for tests and examples: Java from Debian, Spark from PyPI. To be sourced, after
# cmake/packages.sh, in fanout's folder. `have_spark` installs; `start_spark N` starts a master and N workers of one
# core each, `stop_spark` ends them.

spark_version=4.3.0
spark_venv=$PWD/build/spark-$spark_version
spark_memory=600m  # of an executor

# False, with a line that says why: it cannot be installed.
have_spark() {
    if ! (need_packages openjdk-17-jre-headless python3-venv) >/dev/null 2>&1; then
        echo "SKIPPED: Java could not be installed (apt-get install openjdk-17-jre-headless python3-venv)" >&2
        return 1
    fi
    if [[ ! -x $spark_venv/bin/spark-submit ]]; then
        if ! { /usr/bin/python3 -m venv "$spark_venv" && "$spark_venv/bin/pip" install -q "pyspark==$spark_version"; } \
            >"$spark_venv.log" 2>&1; then
            rm -rf "$spark_venv"
            echo "SKIPPED: Spark could not be installed (pip install pyspark==$spark_version): see $spark_venv.log" >&2
            return 1
        fi
    fi
    spark_home=$(echo "$spark_venv"/lib/python3*/site-packages/pyspark)
    spark_dir=$(mktemp -d /tmp/fanout-spark-XXXXXX)
    # Executors are to find the same Python; nothing is to be written into the installed package.
    export SPARK_LOCAL_IP=127.0.0.1 SPARK_WORKER_DIR=$spark_dir/work SPARK_LOCAL_DIRS=$spark_dir/local
    export SPARK_SUBMIT=$spark_venv/bin/spark-submit PYSPARK_PYTHON=$spark_venv/bin/python3
    spark_daemons=()
}

spark_class() { SPARK_HOME=$spark_home exec "$spark_home/bin/spark-class" "$@"; }

start_spark() {
    local i waited
    spark_master=spark://127.0.0.1:17077
    export spark_master
    (spark_class org.apache.spark.deploy.master.Master --host 127.0.0.1 --port 17077 --webui-port 18080) \
        >"$spark_dir/master.log" 2>&1 &
    spark_daemons+=($!)
    for ((waited = 0; waited < 300; ++waited)); do
        grep -qs 'I have been elected leader' "$spark_dir/master.log" && break
        sleep 0.1
    done
    for ((i = 0; i < $1; ++i)); do start_spark_worker; done
    for ((waited = 0; waited < 300; ++waited)); do
        [[ $(grep -c 'Registering worker' "$spark_dir/master.log") -ge $1 ]] && return
        sleep 0.1
    done
    echo "Spark did not start:" >&2
    tail "$spark_dir"/*.log >&2
    return 1
}

# Leaves its process id in $spark_node.
start_spark_worker() {
    (spark_class org.apache.spark.deploy.worker.Worker --host 127.0.0.1 --cores 1 --memory 700m --webui-port 0 \
        "$spark_master") >"$spark_dir/worker-$RANDOM.log" 2>&1 &
    spark_node=$!
    spark_daemons+=("$spark_node")
}

# What the master knows: its workers, and the cores that applications have.
spark_view() {
    python3 - <<'END'
import json, urllib.request
state = json.load(urllib.request.urlopen("http://127.0.0.1:18080/json/"))
for each in state["workers"]:
    print("    worker %s:%s %s, %s of %s cores used" % (each["host"], each["port"], each["state"], each["coresused"], each["cores"]))
for each in state["activeapps"]:
    print("    application %s (%s) %s, %s cores" % (each["id"], each["name"], each["state"], each["cores"]))
END
}

stop_spark() {
    local each
    [[ -n ${spark_dir-} ]] || return 0
    for each in "${spark_daemons[@]}"; do kill "$each" 2>/dev/null || true; done
    for each in "${spark_daemons[@]}"; do wait "$each" 2>/dev/null || true; done
    rm -rf "$spark_dir"
    unset spark_dir
}
