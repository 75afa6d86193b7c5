#!/usr/bin/env python3
"""Makes the tables of the README from the JSON of the benchmarks, and holds them against the targets.

report.py THREADS.json PROCESSES.json SERIALIZE.json    prints the tables and the targets
    --joblib F    with the figures of joblib_calls.py beside those of worker processes
    --readme F    also writes them into file F between its markers
    --check       ends with status 1 if a target is missed
"""
import argparse
import collections
import itertools
import json
import re
import statistics

LIBRARIES = ["loop", "fanout", "tbb", "openmp_static", "openmp_dynamic"]
HEADINGS = ["", "plain loop", "fanout", "oneTBB", "OpenMP static", "OpenMP dynamic"]
ROWS = [
    ("1 square root", "sqrt_hot", 1),
    ("10 square roots", "sqrt_hot", 10),
    ("100 square roots", "sqrt_hot", 100),
    ("1,000 square roots", "sqrt_hot", 1_000),
    ("10,000 square roots", "sqrt_hot", 10_000),
    ("10,000 square roots, after 3 ms of rest", "sqrt_cold", 10_000),
    ("1,000,000 square roots", "sqrt_hot", 1_000_000),
    ("256 uneven tasks, 0 to 255 us", "ramp", 256),
]


def read(path):
    """Median over the repetitions of each benchmark's median and p90, in microseconds."""
    samples = collections.defaultdict(list)
    with open(path) as file:
        content = json.load(file)
    for run in content["benchmarks"]:
        if run.get("run_type") != "iteration":
            continue
        workload, library, size = run["name"].split("/")[:3]
        mean = run["real_time"] / 1000  # nanoseconds, as Google Benchmark gives them unless told otherwise
        samples[workload, library, int(size)].append((run.get("p50_us", mean), run.get("p90_us", mean)))
    figures = {key: tuple(statistics.median(column) for column in zip(*values)) for key, values in samples.items()}
    return figures, content["context"]


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
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    for jobs in (20, 500):
        if ("waiting", f"fanout_{jobs}", 500) in figures:
            cells = ["5 s", shown(figures["waiting", f"fanout_{jobs}", 500][0]), "", "", ""]
            lines.append(f"| 500 tasks that wait 10 ms, n_jobs = {jobs} | " + " | ".join(cells) + " |")
    return lines


def targets(figures):
    """(what, measured, limit) for each target of the thread backend; times in microseconds."""

    def median(workload, library, size):
        return figures[workload, library, size][0]

    def over_loop(size, workload="sqrt_hot"):
        return median(workload, "fanout", size) - median(workload, "loop", size)

    def ratio(size, *others, workload="sqrt_hot"):
        return median(workload, "fanout", size) / min(median(workload, other, size) for other in others)

    yield "1 square root, us over the loop", over_loop(1), 0.1
    for size in (100, 1_000):
        # Either of the two is enough.
        if ratio(size, "loop") <= 1.15:
            yield f"{size:,} square roots, times the loop", ratio(size, "loop"), 1.15
        else:
            yield f"{size:,} square roots, us over the loop", over_loop(size), 0.25
    yield "10,000 square roots, times the better peer", ratio(10_000, "tbb", "openmp_static"), 1.05
    yield "10,000 square roots after a rest, times the loop", ratio(10_000, "loop", workload="sqrt_cold"), 1.05
    yield "1,000,000 square roots, times the better peer", ratio(1_000_000, "tbb", "openmp_static"), 1.03
    if ("sqrt_stream", "fanout", 1_000_000) in figures:  # not in what was measured before there were streams
        yield "1,000,000 square roots as a stream, us each", median("sqrt_stream", "fanout", 1_000_000) / 1e6, 0.3
    yield "256 uneven tasks, times half the loop", 2 * ratio(256, "loop", workload="ramp"), 1.02
    yield "500 waiting tasks at 20, times 250 ms", median("waiting", "fanout_20", 500) / 250e3, 1.03
    yield "500 waiting tasks at 500, ms", median("waiting", "fanout_500", 500) / 1e3, 40


def read_times(path):
    """Median over the repetitions of each benchmark's time of one call, in microseconds."""
    to_microseconds = {"ns": 1e-3, "us": 1, "ms": 1e3, "s": 1e6}
    samples = collections.defaultdict(list)
    with open(path) as file:
        content = json.load(file)
    for run in content["benchmarks"]:
        if run.get("run_type") == "iteration":
            name = run["run_name"].removesuffix("/real_time")
            samples[name].append(run["real_time"] * to_microseconds[run["time_unit"]])
    return {name: statistics.median(values) for name, values in samples.items()}


def process_rows(took, joblib):
    """(what, fanout's figure, joblib's figure if there is one)"""
    call = task = ""
    if joblib:
        cold, warm, each = (shown(joblib["seconds"][what] * 1e6) for what in ("cold", "warm", "task"))
        call, task = f"{warm}; the first one of a program {cold}", each
    yield "a call of two empty tasks", shown(took["call_of_two_tasks"]), call
    yield "the same, with 1 GB in memory that both workers inherit", shown(took["inherited_megabytes/1000"]), ""
    yield "a task with an 8-byte result, of 100,000 (joblib: 20,000)", shown(took["small_results/100000"] / 1e5), task
    yield "a task with a string of 1 kB as its result, of 100,000", shown(took["kilobyte_strings/100000"] / 1e5), ""
    yield "16 results of 8 MB", shown(took["sixteen_of_8_megabytes"]), ""
    yield "copying 16 times 8 MB in one process, for comparison", shown(took["sixteen_copies_of_8_megabytes"]), ""
    yield "a crash: the worker's death and its replacement", shown(took["crashes/100"] / 100), ""


def process_table(took, joblib):
    heading = f"joblib {joblib['version']}, loky" if joblib else ""
    lines = [f"| worker processes, n_jobs = 2 | fanout | {heading} |", "|---|---:|---:|"]
    return lines + [f"| {what} | {cost} | {theirs} |" for what, cost, theirs in process_rows(took, joblib)]


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
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return lines


def serialize_targets(took):
    for way, verb in (("encode", "writing"), ("decode", "reading")):
        for title, name, peer, limit in (
            ("100 MB of doubles", "vector_double_100MB", "memcpy", 1.3),
            ("a million strings", "vector_string_1e6", "cereal", 1),
            ("300,000 aggregates", "vector_aggregate_3e5", "cereal", 1),
        ):
            ratio = took[f"{way}/{name}/fanout"] / took[f"{way}/{name}/{peer}"]
            yield f"{verb} {title}, times {peer}", ratio, limit


def process_targets(took):
    yield "two empty tasks on processes, ms", took["call_of_two_tasks"] / 1e3, 1.5
    yield "a task with an 8-byte result, us", took["small_results/100000"] / 1e5, 0.2
    yield "a task with a string of 1 kB, us", took["kilobyte_strings/100000"] / 1e5, 2
    yield "16 results of 8 MB, times copying them", \
        took["sixteen_of_8_megabytes"] / took["sixteen_copies_of_8_megabytes"], 1.5
    yield "1 GB in memory, ms over 1 MB", (took["inherited_megabytes/1000"] - took["inherited_megabytes/1"]) / 1e3, 80


def machine(context):
    return (f"Measured on {context['num_cpus']} CPUs at {context['mhz_per_cpu']} MHz, {context['date'][:10]}; "
            f"{context.get('versions', '')}. Median of single calls, over {context.get('rounds', 'several')} "
            "interleaved rounds; every library gives a `std::vector` of results.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("threads")
    parser.add_argument("processes")
    parser.add_argument("serialize")
    parser.add_argument("--joblib")
    parser.add_argument("--readme")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()

    figures, context = read(arguments.threads)
    took, serialized, joblib = read_times(arguments.processes), read_times(arguments.serialize), None
    if arguments.joblib:
        with open(arguments.joblib) as file:
            joblib = json.load(file)
    text = [machine(context), "", *table(figures), "", *process_table(took, joblib), "", *serialize_table(serialized)]
    text += ["", "| target | measured | at most | |", "|---|---:|---:|---|"]
    missed = 0
    everything = itertools.chain(targets(figures), process_targets(took), serialize_targets(serialized))
    for what, measured, limit in everything:
        missed += measured > limit
        text.append(f"| {what} | {measured:.3g} | {limit:g} | {'missed' if measured > limit else 'met'} |")
    print("\n".join(text))

    if arguments.readme:
        with open(arguments.readme) as file:
            readme = file.read()
        marked = re.compile(r"(<!-- bench: threads -->\n).*?(<!-- end of bench -->)", re.DOTALL)
        readme, replaced = marked.subn(lambda match: match[1] + "\n".join(text) + "\n" + match[2], readme)
        if replaced != 1:
            parser.error(f"{arguments.readme} has no markers <!-- bench: threads --> ... <!-- end of bench -->")
        with open(arguments.readme, "w") as file:
            file.write(readme)
    if arguments.check and missed:
        raise SystemExit(f"{missed} target(s) missed")


if __name__ == "__main__":
    main()
