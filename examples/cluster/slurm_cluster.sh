# A Slurm cluster of four nodes on this machine, for tests and examples: munged, slurmctld, and a slurmd for each node,
# by `start_slurm`; with `start_slurm hosts` each node has a network of its own, joined to this machine by a cable that
# `kill_node` cuts. Gone after `stop_slurm`. To be sourced, by root, after cmake/packages.sh.

slurm_packages=(slurm-wlm slurmctld slurmd slurm-client munge)

# Installs Slurm where that is possible. False, with a line that says why: it is not.
have_slurm() {
    if ((EUID != 0)); then
        echo "SKIPPED: a cluster of Slurm can be started by root only" >&2
        return 1
    fi
    if ! (need_packages "${slurm_packages[@]}") >/dev/null 2>&1; then
        echo "SKIPPED: Slurm could not be installed (apt-get install ${slurm_packages[*]})" >&2
        return 1
    fi
    if [[ ! -e /sys/fs/cgroup ]] || ! mountpoint -q /sys/fs/cgroup; then
        echo "SKIPPED: slurmd needs /sys/fs/cgroup to be mounted" >&2
        return 1
    fi
}

# Whether this machine can have nodes that are hosts of their own. False, with a line that says why: it cannot.
can_have_hosts() {
    if (need_packages iproute2) >/dev/null 2>&1 && ip netns add fanout-probe 2>/dev/null; then
        ip netns del fanout-probe
        if ip link add fanout-probe type bridge 2>/dev/null; then
            ip link del fanout-probe
            return
        fi
    fi
    echo "SKIPPED: no network namespaces and bridges here, so nodes of Slurm cannot be hosts of their own" >&2
    return 1
}

# A namespace for each node, joined by a bridge.
start_hosts() {
    local i
    ip link add fanout-bridge type bridge
    ip addr add 10.213.7.1/24 dev fanout-bridge
    ip link set fanout-bridge up
    for i in 1 2 3 4; do
        ip netns add "fanout-n$i"
        ip link add "fanout-n$i" type veth peer name eth0 netns "fanout-n$i"
        ip link set "fanout-n$i" master fanout-bridge up
        ip -n "fanout-n$i" addr add "10.213.7.1$i/24" dev eth0
        ip -n "fanout-n$i" link set eth0 up
        ip -n "fanout-n$i" link set lo up
    done
}

stop_hosts() {
    local i pids
    for i in 1 2 3 4; do
        pids=$(ip netns pids "fanout-n$i" 2>/dev/null || true)
        if [[ -n $pids ]]; then kill -KILL $pids 2>/dev/null || true; fi
        ip netns del "fanout-n$i" 2>/dev/null || true
        ip link del "fanout-n$i" 2>/dev/null || true
    done
    ip link del fanout-bridge 2>/dev/null || true
}

# A daemon of ours, by the file with its number. Others of the same name are not ours to end.
pid_in() { [[ -s $1 ]] && kill -0 "$(<"$1")" 2>/dev/null && cat "$1"; }

start_slurm() {
    local i waited controller=localhost nodes='NodeName=n[1-4] NodeHostname=localhost NodeAddr=127.0.0.1 Port=[17001-17004]'
    slurm_hosts=${1:-}
    slurm_dir=$(mktemp -d /tmp/fanout-slurm-XXXXXX)
    export SLURM_CONF=$slurm_dir/slurm.conf  # at once: whatever goes wrong, no other cluster is talked to
    if [[ $slurm_hosts ]]; then
        start_hosts
        controller='localhost(10.213.7.1)'
        nodes='NodeName=n[1-4] NodeHostname=localhost NodeAddr=10.213.7.1[1-4] Port=17001'
    fi
    chmod 755 "$slurm_dir"
    mkdir -p "$slurm_dir"/{run,log,state,spool}
    dd if=/dev/urandom of="$slurm_dir/munge.key" bs=1 count=1024 2>/dev/null
    chmod 400 "$slurm_dir/munge.key"
    cat >"$slurm_dir/slurm.conf" <<END
ClusterName=fanout
SlurmctldHost=$controller
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$slurm_dir/run/m.sock,cred_expire=10
CredType=cred/munge
SlurmctldPort=16817
SlurmctldPidFile=$slurm_dir/run/slurmctld.pid
SlurmdPidFile=$slurm_dir/run/slurmd.%n.pid
SlurmdSpoolDir=$slurm_dir/spool/%n
StateSaveLocation=$slurm_dir/state
SlurmctldLogFile=$slurm_dir/log/slurmctld.log
SlurmdLogFile=$slurm_dir/log/slurmd.%n.log
SwitchType=switch/none
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=3
InactiveLimit=0
SlurmdTimeout=10
$nodes CPUs=2 RealMemory=1000
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
    munged --force --key-file="$slurm_dir/munge.key" --socket="$slurm_dir/run/m.sock" \
        --pid-file="$slurm_dir/run/munged.pid" --log-file="$slurm_dir/log/munged.log" --seed-file="$slurm_dir/seed"
    slurmctld -f "$SLURM_CONF"
    for i in 1 2 3 4; do start_node "n$i"; done
    for ((waited = 0; waited < 300; ++waited)); do
        [[ $(sinfo -h -o '%t %D' 2>/dev/null) == 'idle 4' ]] && return
        sleep 0.1
    done
    echo "the nodes of Slurm did not come up:" >&2
    sinfo >&2 || true
    tail -n 5 "$slurm_dir"/log/*.log >&2
    return 1
}

start_node() {
    if [[ $slurm_hosts ]]; then  # `ip netns exec` would hide /sys/fs/cgroup
        nsenter "--net=/run/netns/fanout-$1" slurmd -f "$SLURM_CONF" -N "$1"
    else
        slurmd -f "$SLURM_CONF" -N "$1"
    fi
}

# As if somebody had pulled the plug: the node's daemon, and all that runs there, are gone; of a host, its cable, and
# what runs there goes on without a network.
kill_node() {
    local file pid parent doomed=()
    if [[ $slurm_hosts ]]; then
        ip link set "fanout-$1" down
        scontrol update "nodename=$1" state=down reason='pulled the plug'
        return
    fi
    doomed+=("$(pid_in "$slurm_dir/run/slurmd.$1.pid")")
    for file in /proc/[0-9]*/environ; do
        pid=$(cut -d/ -f3 <<<"$file")
        { tr '\0' '\n' <"$file"; } 2>/dev/null | grep -qxF "SLURMD_NODENAME=$1" || continue
        doomed+=("$pid")
        parent=$(sed -n 's/^PPid:\t//p' "/proc/$pid/status" 2>/dev/null || true)
        if grep -qx slurmstepd "/proc/$parent/comm" 2>/dev/null; then doomed+=("$parent"); fi
    done
    kill -KILL "${doomed[@]}" 2>/dev/null || true
    scontrol update "nodename=$1" state=down reason='pulled the plug'
}

stop_slurm() {
    local file pid waited daemons=()
    [[ -n ${slurm_dir-} && -d $slurm_dir ]] || return 0
    if [[ -s $slurm_dir/slurm.conf ]]; then scancel --user="$(id -un)" 2>/dev/null || true; fi
    for file in "$slurm_dir"/run/*.pid; do
        if pid=$(pid_in "$file"); then daemons+=("$pid"); fi
    done
    if [[ -s $slurm_dir/slurm.conf ]]; then scontrol shutdown >/dev/null 2>&1 || true; fi
    for pid in "${daemons[@]}"; do
        # munged is told by a signal, and so is who has not listened.
        for ((waited = 0; waited < 50; ++waited)); do
            kill -0 "$pid" 2>/dev/null || break
            if ((waited == 30)) || grep -qx munged "/proc/$pid/comm" 2>/dev/null; then kill "$pid" 2>/dev/null || true; fi
            if ((waited == 49)); then kill -KILL "$pid" 2>/dev/null || true; fi
            sleep 0.1
        done
    done
    if [[ $slurm_hosts ]]; then stop_hosts; fi
    rm -rf "$slurm_dir"
    unset slurm_dir SLURM_CONF
}
