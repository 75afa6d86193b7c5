#!/usr/bin/env python3
"""Makes the tables of the README from the JSON of the benchmarks, and holds them against the targets.

report.py FOLDER    prints the tables and the targets of what run.sh has put into that folder
    --readme F    also writes the first tables into file F between its markers, the others into docs/measurements.md
                  beside it, and the targets into targets.md beside this
"""
import argparse
import math
import pathlib
import sys

import measured

LIBRARIES = ["loop", "fanout", "tbb", "openmp_static", "openmp_dynamic", "std_par", "async"]
HEADINGS = ["", "plain loop", "fanout", "oneTBB", "OpenMP static", "OpenMP dynamic", "`execution::par`", "`std::async`"]
ROWS = [
    ("10 square roots, the first call of a program", "first_call", 10),
    ("1 square root", "sqrt_hot", 1),
    ("10 square roots", "sqrt_hot", 10),
    ("60 square roots", "sqrt_hot", 60),
    ("100 square roots", "sqrt_hot", 100),
    ("1,000 square roots", "sqrt_hot", 1_000),
    ("10,000 square roots", "sqrt_hot", 10_000),
    ("10 square roots, after 3 ms of rest", "sqrt_cold", 10),
    ("10,000 square roots, after 3 ms of rest", "sqrt_cold", 10_000),
    ("1,000,000 square roots", "sqrt_hot", 1_000_000),
    ("256 uneven tasks, 0 to 255 us", "ramp", 256),
    ("1,000 uneven tasks, lognormal, 100 us", "lognormal", 1_000),
    ("8 loops of 100,000 square roots, inside of a loop", "nested", 8),
]


def shown(microseconds):
    for unit, factor in (("ns", 1e3), ("us", 1), ("ms", 1e-3)):
        if microseconds * factor < 1000:
            break
    value = microseconds * factor
    return f"{value:.0f} {unit}" if value >= 100 or unit == "ns" else f"{value:.3g} {unit}"


def table(figures):
    lines = ["| " + " | ".join(HEADINGS) + " |", "|---" + "|---:" * len(LIBRARIES) + "|"]
    for title, workload, size in ROWS:
        cells = []
        for library in LIBRARIES:
            if (workload, library, size) not in figures:
                cells.append("")
                continue
            median, p90 = figures[workload, library, size]
            cells.append(shown(median) + (f" (p90 {shown(p90)})" if p90 > 1.25 * median else ""))
        if any(cells):
            lines.append(f"| {title} | " + " | ".join(cells) + " |")
    for jobs in (20, 500):
        if ("waiting", f"fanout_{jobs}", 500) in figures:
            cells = [shown(500 * 10_000), shown(figures["waiting", f"fanout_{jobs}", 500][0])] + [""] * (len(LIBRARIES) - 2)
            lines.append(f"| 500 tasks that wait 10 ms, n_jobs = {jobs} | " + " | ".join(cells) + " |")
    return lines


PEERS = [
    ("joblib_loky", "joblib, loky"),
    ("joblib_of_tutorial", "joblib, loky"),
    ("joblib_multiprocessing", "joblib, multiprocessing"),
    ("joblib_dask", "joblib, dask"),
    ("mpi4py", "mpi4py.futures"),
    ("gnu_parallel", "GNU parallel"),
]


def worker_table(results):
    """Worker processes and workers of tcp beside what others use. What a crash costs some of them is told in words."""
    calls = [
        ("the first call of a program: two empty tasks, two workers are started", "first_call",
         "first_call/iterations:10", 1, "first_call/iterations:10", 1),
        ("a call of two empty tasks after it", "call_of_two_tasks", "call_of_two_tasks", 1, "call_of_two_tasks", 1),
        ("an empty task, of many", "empty_task", "small_results/100000", 1e5, "empty_tasks/100000", 1e5),
        ("a task whose result is a string of 1 kB", "kilobyte_string", "kilobyte_strings/100000", 1e5,
         "kilobyte_strings/100000", 1e5),
        ("64 results of 1 MB", "results_of_1_megabyte", "results_of_1_megabyte", 1, "results_of_1_megabyte", 1),
        ("16 results of 8 MB", "results_of_8_megabytes", "sixteen_of_8_megabytes", 1, "sixteen_of_8_megabytes", 1),
        ("2 results of 100 MB", "results_of_100_megabytes", "results_of_100_megabytes", 1,
         "results_of_100_megabytes", 1),
        ("two tasks that read 1 GB of the caller's", "large_input", "inherited_megabytes/1000", 1,
         "shared_table_of_1000_megabytes/iterations:1", 1),
        ("a worker that is killed", "killed_worker", "crashes/100", 100, "crashes/10", 10),
    ]
    peers = [(results.peers[name], f"{title} {results.peers[name]['version']}") for name, title in PEERS
             if name in results.peers]
    lines = ["| two workers | `processes` | `tcp` | " + "".join(f"{title} | " for _, title in peers)]
    lines += ["|---|---:|---:" + "|---:" * len(peers) + "|"]
    for title, theirs, here, many, there, as_many in calls:
        if there not in results.tcp:
            continue
        cells = [shown(results.processes[here] / many), shown(results.tcp[there] / as_many)]
        for peer, _ in peers:
            took = peer["seconds"].get(theirs)
            cells.append(took if isinstance(took, str) else shown(took * 1e6) if took else "")
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return lines


SERIALIZED = [
    ("`vector<double>`, 100 MB", "vector_double_100MB"),
    ("`vector` of structs of three doubles, 48 MB", "vector_pod_48MB"),
    ("`vector<vector<double>>`, 80 MB", "vector_vector_double_80MB"),
    ("`vector<string>` of a million", "vector_string_1e6"),
    ("`vector` of 300,000 aggregates", "vector_aggregate_3e5"),
]


def serialize_table(took):
    lines = ["| values as bytes, writing / reading | fanout | cereal | memcpy |", "|---|---:|---:|---:|"]
    for title, name in SERIALIZED:
        cells = []
        for library in ("fanout", "cereal", "memcpy"):
            both = [took.get(f"{way}/{name}/{library}") for way in ("encode", "decode")]
            cells.append(" / ".join(map(shown, both)) if all(both) else "")
        if any(cells):
            lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return lines


def tcp_table(processes, took):
    rows = [
        ("an empty task that is sent by itself (`batch_size = 1`)", took["empty_tasks_one_by_one/100000"] / 1e5),
        ("one task, to an idle worker and back", took["round_trip"]),
        ("a byte from one thread to another and back, over plain TCP, to compare", took["byte_there_and_back"]),
        ("1 GB of results, in pieces of 8 MB", took["gigabyte_of_results/iterations:1"]),
        ("as much from OpenSSL to OpenSSL, to compare", took["gigabyte_over_one_connection/iterations:1"]),
        ("copying 16 times 8 MB in one process, to compare", processes["sixteen_copies_of_8_megabytes"]),
    ]
    lines = ["| workers of `tcp`, two on this machine, TLS | |", "|---|---:|"]
    return lines + [f"| {what} | {shown(cost)} |" for what, cost in rows]


def load_table(loads):
    lines = ["| many pretended workers of `tcp`, empty tasks, plain TCP | |", "|---|---:|"]
    for load in loads:
        lines.append(f"| the program's own CPU time for a task, {load['workers']:,} workers "
                     f"| {shown(load['cpu_us_per_task'])} |")
        lines.append(f"| memory of a task that is not done, {load['workers']:,} workers "
                     f"| {load['bytes_per_open_task']:.0f} bytes |")
    return lines


def tutorial_table(measured_cases):
    cases = [
        ("10,000 square roots", "square_roots"),
        ("30 random forests of 100 trees, 1,000 rows each (the tutorial trains 1,000 of them)", "forests"),
        ("500 requests that wait 50 ms, 20 at a time (the loops: from 50 of them)", "requests"),
    ]
    if not measured_cases:
        return []
    versions = measured_cases["versions"]
    lines = [
        f"| joblib's tutorial, two workers | C++: the loop | fanout | gain | Python: the loop | joblib "
        f"{versions['joblib']} | gain |", "|---|---:|---:|---:|---:|---:|---:|"]
    for title, case in cases:
        cells = []
        for who in ("fanout", "joblib"):
            loop, took = measured_cases["seconds"][case][who]
            cells += [shown(loop * 1e6), shown(took * 1e6), f"{loop / took:.2g}"]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return lines


def compile_table(took):
    if not took:
        return []
    lines = ["| compiling, g++ -O0 | |", "|---|---:|"]
    return lines + [f"| {what} | {shown(1e6 * seconds)} |" for what, seconds in took.items()]


def machine(context):
    return (f"Measured on {context['num_cpus']} CPUs ({context.get('cpu', 'unknown')}) at {context['mhz_per_cpu']} MHz, "
            f"{context['date'][:10]}; {context.get('versions', '')}. Nothing is pinned to a CPU, nothing else runs.")


def on_threads(context):
    return (f"Medians over {context.get('rounds', 'several')} rounds, in which the libraries take turns. Up to 1,000 square "
            "roots a round is the mean of a batch of calls, otherwise the median of single calls; with the p90, the time "
            "below which nine calls of ten stay, where that is a quarter longer. Every library gives a `std::vector` of "
            "results. Empty: there is nothing of that kind to write.")


ON_WORKERS = ("Of fanout, medians over the rounds of the mean of calls; of the others, medians over three programs. \"Of many\" "
              "is 100,000 tasks in a call (GNU parallel: 500). Each result is an object of its own. joblib's tutorial was "
              "written with 1.1.0. Empty: it has no such thing.")


def aims_table(results):
    figures = dict(results.aims())
    lines = ["| target | measured | at most | |", "|---|---:|---:|---|"]
    for what, limit, _ in measured.limits():
        if limit == math.inf:
            continue
        verdict = "met" if figures[what] <= limit else "missed"
        lines.append(f"| {what} | {figures[what]:.3g} | {limit:g} | {verdict} |")
    return lines


def paragraphs(*tables):
    """Each behind an empty line; those that are empty are left out."""
    return [line for each in tables if each for line in ["", *each]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--readme")
    arguments = parser.parse_args()

    results = measured.results(arguments.folder)
    on = machine(results.context)
    main_tables = paragraphs([on_threads(results.context)], table(results.figures), [ON_WORKERS], worker_table(results),
                             tutorial_table(results.tutorial))
    more_tables = paragraphs(tcp_table(results.processes, results.tcp), load_table(results.loads),
                             serialize_table(results.serialize), compile_table(results.compile_time))
    aims = aims_table(results)
    print("\n".join([on, *main_tables, *more_tables, "", *aims]))

    if arguments.readme:
        if not (results.peers and results.tutorial and results.compile_time):
            sys.exit("Not written into README.md: the others have not been measured, as in a quick run or without a network.")
        readme = pathlib.Path(arguments.readme)
        measured.replace(readme, measured.between_markers(readme, "threads", [on, *main_tables]))
        measured.replace(readme.parent / "docs" / "measurements.md",
                         "\n".join(["# More measurements", "", "By `bench/run.sh`; the main ones are in the "
                                    "[README](../README.md#how-fast).", "", on, *more_tables, ""]))
        measured.replace(pathlib.Path(__file__).with_name("targets.md"),
                         "\n".join(["# What fanout wants to be, and is", "", on, "", *aims, ""]))


if __name__ == "__main__":
    main()
