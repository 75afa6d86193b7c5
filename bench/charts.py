#!/usr/bin/env python3
"""Draws the benchmarks' JSON, one SVG for each workload: charts.py FOLDER [TO]

Each has, as a broken line, a time below which nothing can be: each CPU's share of the plain loop, without the zeros that
a vector is filled with before; two forks; a copy in memory.
"""
import pathlib
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

import measured  # noqa: E402
import report  # noqa: E402

NAMES = dict(zip(report.LIBRARIES, (heading.strip("`") for heading in report.HEADINGS[1:])))
COLORS = dict(zip(report.LIBRARIES, ("#888888", "#d62728", "#1f77b4", "#2ca02c", "#98df8a", "#9467bd", "#8c564b")))


def save(figure, to, name):
    figure.tight_layout()
    figure.savefig(to / f"{name}.svg", metadata={"Date": None})
    plt.close(figure)


def axes(title, unit, along="y", height=4):
    """`along` which axis the measured times go."""
    figure, at = plt.subplots(figsize=(7, height))
    at.set_title(title, loc="left", fontsize=11)
    at.set(**{f"{along}label": unit})
    at.grid(True, which="major", axis=along, alpha=0.3)
    for side in ("top", "right"):
        at.spines[side].set_visible(False)
    return figure, at


def tiny_tasks(figures, cpus, to):
    """Time over that of the plain loop, which makes a range of six powers of ten readable."""
    for workload, name, title in (("sqrt_hot", "tiny_tasks", "Square roots, one call after the other"),
                                  ("sqrt_cold", "tiny_tasks_cold", "Square roots, each call after 3 ms of rest")):
        figure, at = axes(title, "times the plain loop")
        sizes = sorted(size for load, library, size in figures if load == workload and library == "loop")
        for library in report.LIBRARIES[1:]:
            known = [size for size in sizes if (workload, library, size) in figures]
            if not known:
                continue
            over = [figures[workload, library, size][0] / figures[workload, "loop", size][0] for size in known]
            at.plot(known, over, marker="o", color=COLORS[library], label=NAMES[library])
        at.axhline(1, color=COLORS["loop"], label=NAMES["loop"])
        least = [figures[workload, "least", size][0] / figures[workload, "loop", size][0] / cpus for size in sizes]
        at.plot(sizes, least, color="black", linestyle="--", label=f"the least, {cpus} CPUs")
        at.set_xscale("log")
        at.set_yscale("log")
        at.set_xlabel("tasks in a call")
        at.legend(fontsize=8)
        save(figure, to, name)


def uneven_tasks(figures, cpus, to):
    for workload, size, title in (("ramp", 256, "256 tasks of 0 to 255 us"),
                                  ("lognormal", 1000, "1,000 tasks, lognormal, 100 us on the average"),
                                  ("nested", 8, "8 loops of 100,000 square roots inside of a loop")):
        figure, at = axes(title, "ms")
        known = [library for library in report.LIBRARIES if (workload, library, size) in figures]
        times = [figures[workload, library, size][0] / 1000 for library in known]
        at.bar([NAMES[library] for library in known], times, color=[COLORS[library] for library in known])
        at.axhline(figures[workload, "least", size][0] / 1000 / cpus, color="black", linestyle="--")
        at.tick_params(axis="x", labelsize=8, rotation=15)
        save(figure, to, workload)


def waiting_tasks(figures, to):
    figure, at = axes("500 tasks that wait 10 ms", "s")
    jobs = sorted(int(library.split("_")[1]) for load, library, _ in figures if load == "waiting")
    at.plot(jobs, [figures["waiting", f"fanout_{n}", 500][0] / 1e6 for n in jobs], marker="o", color=COLORS["fanout"],
            label="fanout")
    at.plot(jobs, [-(-500 // n) * 0.01 for n in jobs], color="black", linestyle="--", label="the least")
    at.set_xscale("log")
    at.set_yscale("log")
    at.set_xlabel("n_jobs")
    at.legend()
    save(figure, to, "waiting_tasks")


def workers(results, to):
    """What one small task costs on workers, and what a call costs: bars on a logarithmic scale."""
    forks = results.processes["two_forks"]
    copies = results.processes["sixteen_copies_of_8_megabytes"]
    alone = results.figures["sqrt_hot", "least", 1_000_000][0] / 1e6 / 2
    for name, title, unit, theirs, here, many, there, least, what in (
        ("worker_call", "A call of two empty tasks on two workers", "us", "call_of_two_tasks", "call_of_two_tasks", 1,
         "call_of_two_tasks", forks, "two forks"),
        ("worker_task", "An empty task, of 100,000 on two workers", "us for a task", "empty_task", "small_results/100000",
         1e5, "empty_tasks/100000", alone, "a square root, on 2 CPUs"),
        ("worker_results", "16 results of 8 MB from two workers", "us", "results_of_8_megabytes", "sixteen_of_8_megabytes",
         1, "sixteen_of_8_megabytes", copies, "copying them"),
        ("worker_results_100", "2 results of 100 MB from two workers", "us", "results_of_100_megabytes",
         "results_of_100_megabytes", 1, "results_of_100_megabytes", copies * 200 / 128, "copying them"),
        ("large_input", "Two tasks that read 1 GB of the caller's", "us", "large_input", "inherited_megabytes/1000", 1,
         "shared_table_of_1000_megabytes/iterations:1", forks, "two forks"),
    ):
        bars = {"fanout processes": results.processes[here] / many, "fanout tcp": results.tcp[there] / many}
        for peer, heading in report.PEERS:
            took = results.peers.get(peer, {}).get("seconds", {}).get(theirs)
            if isinstance(took, (int, float)):  # and not "it hangs"
                bars[heading] = took * 1e6
        figure, at = axes(title, unit + ", logarithmic scale", along="x", height=3.2)
        at.barh(list(bars), list(bars.values()), color=[COLORS["fanout"]] * 2 + [COLORS["tbb"]] * (len(bars) - 2))
        at.axvline(least, color="black", linestyle="--", label=what)
        at.invert_yaxis()
        at.set_xscale("log")
        at.legend(fontsize=8)
        save(figure, to, name)


def main():
    folder = pathlib.Path(sys.argv[1])
    to = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else folder
    results = measured.results(folder)
    cpus = int(results.context["num_cpus"])
    tiny_tasks(results.figures, cpus, to)
    uneven_tasks(results.figures, cpus, to)
    waiting_tasks(results.figures, to)
    workers(results, to)


if __name__ == "__main__":
    main()
