#!/usr/bin/env python3
"""What the same calls cost with what others use, as JSON: peers.py [--rounds N] [--only PEER] [--tutorial PYTHON]

Each peer is used as its own documentation recommends, with two workers. "first_call" is the first one of a program,
with the start of the workers but without what it imports, for which each round starts a program; all others are made on
workers that are there, as joblib's "Reusing a pool of workers" has it. Those of mpi4py are started by mpiexec, before the
program: it has no first call to speak of. Its map is told how many tasks to send at a time, as many as Python's own
Pool.map would. GNU parallel starts a program for each task, and has no workers to keep. PYTHON is an interpreter with the
version of joblib that its tutorial was written with.
"""
import argparse
import contextlib
import importlib
import json
import operator
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import typing


def text_of_1_kb(i):
    return str(i).rjust(1000, "x")  # each another one: of one and the same, pickle would send a reference


def result_of(megabytes):
    """A function of a module, for those who send functions by name."""
    return {1: bytes_of_1_mb, 8: bytes_of_8_mb, 100: bytes_of_100_mb}[megabytes]


def bytes_of_1_mb(i):
    return bytes(1_000_000)


def bytes_of_8_mb(i):
    return bytes(8_000_000)


def bytes_of_100_mb(i):
    return bytes(100_000_000)


def kill_worker_once(folder):
    """The first that comes here kills its process, and whoever runs the task again does not."""
    try:
        pathlib.Path(folder, "killed").mkdir()
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


@contextlib.contextmanager
def joblib_with(backend):
    import joblib

    with joblib.Parallel(n_jobs=2, backend=backend) as parallel:
        yield lambda function, tasks: parallel(joblib.delayed(function)(i) for i in tasks)


@contextlib.contextmanager
def joblib_with_dask():
    import joblib
    from dask.distributed import Client

    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None), joblib.parallel_config(backend="dask"):
        yield lambda function, tasks: joblib.Parallel(n_jobs=2)(joblib.delayed(function)(i) for i in tasks)


@contextlib.contextmanager
def mpi4py_futures():
    from mpi4py.futures import MPIPoolExecutor

    with MPIPoolExecutor(max_workers=2) as pool:
        yield lambda function, tasks: list(pool.map(function, tasks, chunksize=max(1, len(tasks) // 8)))


class peer_kind(typing.NamedTuple):
    begin: typing.Callable  # a context in which one can run(function, tasks)
    imports: list
    package: str  # whose version counts
    starts_with: list = []  # what comes before the program on its command line


PEERS = {
    "joblib_loky": peer_kind(lambda: joblib_with("loky"), ["joblib"], "joblib"),
    "joblib_of_tutorial": peer_kind(lambda: joblib_with("loky"), ["joblib"], "joblib"),  # by an interpreter of its own
    "joblib_multiprocessing": peer_kind(lambda: joblib_with("multiprocessing"), ["joblib"], "joblib"),
    "joblib_dask": peer_kind(joblib_with_dask, ["joblib", "dask.distributed"], "distributed"),
    "mpi4py": peer_kind(mpi4py_futures, ["mpi4py.futures"], "mpi4py",
                        ["mpiexec", "--allow-run-as-root", "--oversubscribe", "-n", "3"]),
}


def timed(run, function, tasks, times):
    """Seconds of a call, the median of so many."""
    took = []
    for _ in range(times):
        before = time.perf_counter()
        results = run(function, range(tasks))
        took.append(time.perf_counter() - before)
        assert len(results) == tasks
    return statistics.median(took)


def one_program(peer):
    for module in PEERS[peer].imports:
        importlib.import_module(module)
    before = time.perf_counter()
    with PEERS[peer].begin() as run:
        run(operator.index, range(2))
        first_call = time.perf_counter() - before
        many = 100_000
        return {
            "first_call": None if peer == "mpi4py" else first_call,
            "call_of_two_tasks": timed(run, operator.index, 2, 20),
            "empty_task": timed(run, operator.index, many, 1) / many,
            "kilobyte_string": timed(run, text_of_1_kb, many, 1) / many,
            "results_of_1_megabyte": timed(run, result_of(1), 64, 3),
            "results_of_8_megabytes": timed(run, result_of(8), 16, 3),
            "results_of_100_megabytes": timed(run, result_of(100), 2, 3),
        }


def large_input(peer):
    """Two tasks that get an array of 1 GB, of which they read an element."""
    import numpy

    with PEERS[peer].begin() as run:
        run(operator.index, range(2))
        table = numpy.ones(125_000_000)
        before = time.perf_counter()
        run(first_of, [table, table])
        return time.perf_counter() - before


def first_of(table):
    return table[0]


def killed_worker(peer):
    """Seconds that a call of two tasks takes longer if one of its workers is killed."""
    with PEERS[peer].begin() as run:
        run(operator.index, range(2))
        undisturbed = timed(run, operator.index, 2, 5)
        with tempfile.TemporaryDirectory() as folder:
            before = time.perf_counter()
            run(kill_worker_once, [folder, folder])
            return time.perf_counter() - before - undisturbed


PARTS = {"calls": one_program, "large_input": large_input, "killed_worker": killed_worker}


def seconds_of(peer, part, timeout, python=sys.executable):
    """What one part of the measurements, in a program of its own, gives; a few words if it comes to no good end."""
    module = ["-m", "mpi4py.futures"] if peer == "mpi4py" else []
    command = [*PEERS[peer].starts_with, python, *module, __file__, "--one", peer, "--part", part]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        said, _ = program.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        return "it hangs"
    finally:
        try:
            os.killpg(program.pid, signal.SIGKILL)  # with whatever is left of its workers
        except ProcessLookupError:
            pass
    return json.loads(said) if program.returncode == 0 else "the call fails"


def median_of(peer, part, rounds, python):
    """Of so many programs; words if one of them has ended badly."""
    programs = []
    for _ in range(rounds):
        took = seconds_of(peer, part, 60, python)
        if isinstance(took, str):
            return took
        programs.append(took)
    return statistics.median(programs)


def in_python(peer, rounds, python=sys.executable):
    version = subprocess.check_output(
        [python, "-c", f"import importlib.metadata as m; print(m.version('{PEERS[peer].package}'))"], text=True).strip()
    programs = [seconds_of(peer, "calls", 300, python) for _ in range(rounds)]
    if any(isinstance(each, str) for each in programs):
        raise OSError(programs)
    seconds = {what: statistics.median(each[what] for each in programs)
               for what, seconds in programs[0].items() if seconds is not None}
    seconds |= {part: median_of(peer, part, rounds, python) for part in ("large_input", "killed_worker")}
    return {"version": version, "seconds": seconds}


def gnu_parallel(rounds):
    def timed_command(words, tasks):
        took = []
        for _ in range(rounds):
            before = time.perf_counter()
            subprocess.run(["parallel", "--will-cite", "-k", "-j2", *words, ":::", *map(str, range(tasks))], check=True,
                           stdout=subprocess.PIPE)  # into memory
            took.append(time.perf_counter() - before)
        return statistics.median(took)

    version = subprocess.check_output(["parallel", "--version"], text=True).split()[2]
    two = timed_command(["true"], 2)
    return {"version": version, "seconds": {
        "first_call": two,
        "call_of_two_tasks": two,
        "empty_task": timed_command(["true"], 500) / 500,
        "results_of_1_megabyte": timed_command(["head -c 1000000 /dev/zero; true"], 64),
        "results_of_8_megabytes": timed_command(["head -c 8000000 /dev/zero; true"], 16),
        "results_of_100_megabytes": timed_command(["head -c 100000000 /dev/zero; true"], 2),
    }}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=[*PEERS, "gnu_parallel"])
    parser.add_argument("--tutorial", metavar="PYTHON")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--part", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(PARTS[arguments.part](arguments.one)))
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no workers are left
    peers = {}
    for peer in [arguments.only] if arguments.only else [*PEERS, "gnu_parallel"]:
        try:
            if peer == "gnu_parallel":
                peers[peer] = gnu_parallel(arguments.rounds)
            elif peer != "joblib_of_tutorial":
                peers[peer] = in_python(peer, arguments.rounds)
            elif arguments.tutorial:
                peers[peer] = in_python(peer, arguments.rounds, arguments.tutorial)
        except (ImportError, OSError, subprocess.SubprocessError) as error:
            print(f"{peer} could not be measured: {error}", file=sys.stderr)
    print(json.dumps(peers, indent=1))


if __name__ == "__main__":
    # Functions that are sent have to be a module's: old versions cannot send those of a program from a new Python.
    importlib.import_module(pathlib.Path(__file__).stem).main()
