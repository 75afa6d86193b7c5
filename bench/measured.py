"""What the benchmarks have measured, out of their JSON: figures for the tables, and for the aims of limits.txt."""
import collections
import itertools
import json
import math
import pathlib
import re
import statistics
import sys


def read_json(path):
    try:
        with open(path) as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        sys.exit(f"{path} cannot be read: {error}. It has not been measured to the end: {path.with_suffix('.log')} may say why")


def replace(page, text):
    """What is in the file `page`, whole or not at all."""
    new = page.with_name(page.name + ".new")
    new.write_text(text)
    new.replace(page)


def between_markers(page, name, lines):
    """What the file `page` has to be with these lines between <!-- bench: NAME --> and <!-- end of bench -->."""
    marked = re.compile(rf"(<!-- bench: {name} -->\n).*?(<!-- end of bench -->)", re.DOTALL)
    text, replaced = marked.subn(lambda match: match[1] + "\n".join(lines) + "\n" + match[2], page.read_text())
    if replaced != 1:
        sys.exit(f"{page} has no markers <!-- bench: {name} --> ... <!-- end of bench -->")
    return text


def limits():
    """(what, at most, at most in CI) for each line of limits.txt."""
    number = lambda text: math.inf if text.strip() == "-" else float(text)  # noqa: E731
    for line in pathlib.Path(__file__).with_name("limits.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            what, aim, in_ci = line.rsplit("|", 2)
            yield what.strip(), number(aim), number(in_ci)


class all_measured(dict):
    def __missing__(self, what):
        sys.exit(f"{what} has not been measured")


class results:
    """A folder into which run.sh has put what it has measured. Ends the program if something is not there or failed."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.figures = self._calls_by_size("threads")
        self.context = self._read("threads")["context"]
        self.processes, self.tcp, self.serialize = (self._times(name) for name in ("processes", "tcp", "serialize"))
        self.loads = [self._read(f"tcp_load_{workers}") for workers in (10, 1000)]
        self.peers, self.tutorial, self.compile_time = (self._read_if_there(name)
                                                        for name in ("peers", "tutorial", "compile_time"))

    def aims(self):
        """(what, measured) for each aim that limits.txt names."""
        yield from itertools.chain(self._aims_of_threads(), self._aims_of_observing(), self._aims_of_processes(),
                                   self._aims_of_serialize(), self._aims_of_tcp())

    # --- reading ---------------------------------------------------------------------------------------------------

    def _read(self, name):
        return read_json(self.folder / f"{name}.json")

    def _read_if_there(self, name):
        return self._read(name) if (self.folder / f"{name}.json").exists() else {}

    def _runs(self, name):
        """Every repetition of every benchmark."""
        runs = [run for run in self._read(name)["benchmarks"] if run.get("run_type") == "iteration"]
        times = collections.Counter(run["name"] for run in runs)
        wrong = [f"{run['name']} {run.get('error_message', '')}" for run in runs
                 if run.get("error_occurred") or times[run["name"]] != run["repetitions"]]
        if wrong or not runs:
            sys.exit("\n".join([f"{name}: not measured to the end:", *sorted(set(wrong))]))
        return runs

    def _calls_by_size(self, name):
        """Median over the repetitions of each benchmark's median and p90, in microseconds."""
        samples = collections.defaultdict(list)
        for run in self._runs(name):
            workload, library, size = run["name"].split("/")[:3]
            mean = run["real_time"] / 1000  # nanoseconds, as Google Benchmark gives them unless told otherwise
            samples[workload, library, int(size)].append((run.get("p50_us", mean), run.get("p90_us", mean)))
        return all_measured((key, tuple(statistics.median(column) for column in zip(*values)))
                            for key, values in samples.items())

    def _times(self, name):
        """Median over the repetitions of each benchmark's time of one call, in microseconds."""
        to_microseconds = {"ns": 1e-3, "us": 1, "ms": 1e3, "s": 1e6}
        samples = collections.defaultdict(list)
        for run in self._runs(name):
            what = run["run_name"].removesuffix("/real_time").removesuffix("/manual_time")
            samples[what].append(run["real_time"] * to_microseconds[run["time_unit"]])
        return all_measured((what, statistics.median(values)) for what, values in samples.items())

    def _counter(self, name, benchmark, counter):
        """Median over the repetitions."""
        known = [run[counter] for run in self._runs(name) if run["run_name"].startswith(benchmark + "/")]
        if not known:
            sys.exit(f"{benchmark}: {counter} has not been measured")
        return statistics.median(known)

    # --- aims ------------------------------------------------------------------------------------------------------

    def _aims_of_threads(self):
        def median(workload, library, size):
            return self.figures[workload, library, size][0]

        def over_loop(size):
            return median("sqrt_hot", "fanout", size) - median("sqrt_hot", "loop", size)

        def ratio(size, *others, workload="sqrt_hot"):
            return median(workload, "fanout", size) / min(median(workload, other, size) for other in others)

        def over_share_of_loop(workload, size):
            return int(self.context["num_cpus"]) * ratio(size, "loop", workload=workload)

        yield "1 square root, us over the loop", over_loop(1)
        for size in (10, 60):
            yield f"{size} square roots, us over the loop", over_loop(size)
        for size in (100, 1_000):
            allowed = max(0.25, 0.15 * median("sqrt_hot", "loop", size))
            yield f"{size:,} square roots, over the loop, in times 0.25 us or 15 %", over_loop(size) / allowed
        yield "10,000 square roots, times the better peer", ratio(10_000, "tbb", "openmp_static")
        yield "10,000 square roots, times the loop", ratio(10_000, "loop")
        yield "10,000 square roots after a rest, times the loop", ratio(10_000, "loop", workload="sqrt_cold")
        yield "1,000,000 square roots, times the better peer", ratio(1_000_000, "tbb", "openmp_static")
        yield "1,000,000 square roots, times the loop", ratio(1_000_000, "loop")
        yield "1,000,000 square roots as a stream, us each", median("sqrt_stream", "fanout", 1_000_000) / 1e6
        yield "256 uneven tasks, times the loop over the CPUs", over_share_of_loop("ramp", 256)
        yield "1,000 lognormal tasks, times the loop over the CPUs", over_share_of_loop("lognormal", 1_000)
        yield "8 loops inside of a loop, times the loop over the CPUs", over_share_of_loop("nested", 8)
        yield "500 waiting tasks at 20, times 250 ms", median("waiting", "fanout_20", 500) / 250e3
        yield "500 waiting tasks at 500, ms", median("waiting", "fanout_500", 500) / 1e3

    def _aims_of_observing(self):
        for jobs in (1, 2):
            percent = self._counter("observing", f"progress/n_jobs:{jobs}", "more_percent")
            yield f"progress of 1,000,000 square roots, n_jobs = {jobs}, % over the same without it", percent
            more = self._counter("observing", f"trace/n_jobs:{jobs}", "more_ns_per_task")
            yield f"a trace of them, n_jobs = {jobs}, us each", more / 1e3

    def _aims_of_processes(self):
        took = self.processes
        yield "two empty tasks on processes, ms", took["call_of_two_tasks"] / 1e3
        yield "two empty tasks on processes, times two forks", took["call_of_two_tasks"] / took["two_forks"]
        yield "a killed worker of processes, times two forks", took["crashes/100"] / 100 / took["two_forks"]
        yield "a task with an 8-byte result, us", took["small_results/100000"] / 1e5
        yield "a task with a string of 1 kB, us", took["kilobyte_strings/100000"] / 1e5
        copies = took["sixteen_copies_of_8_megabytes"]
        yield "16 results of 8 MB, times copying them", took["sixteen_of_8_megabytes"] / copies
        large, small = took["inherited_megabytes/1000"], took["inherited_megabytes/1"]
        yield "1 GB in memory, ms over 1 MB", (large - small) / 1e3

    def _aims_of_serialize(self):
        for way, verb in (("encode", "writing"), ("decode", "reading")):
            for title, name, peer in (
                ("100 MB of doubles", "vector_double_100MB", "memcpy"),
                ("a million strings", "vector_string_1e6", "cereal"),
                ("300,000 aggregates", "vector_aggregate_3e5", "cereal"),
            ):
                took = self.serialize[f"{way}/{name}/fanout"] / self.serialize[f"{way}/{name}/{peer}"]
                yield f"{verb} {title}, times {peer}", took

    def _aims_of_tcp(self):
        took = self.tcp
        yield "two workers of tcp, from nothing to the results, ms", took["start_of_two_workers"] / 1e3
        yield ("two workers of tcp, from nothing to the results, times two programs",
               took["start_of_two_workers"] / took["start_of_two_programs"])
        yield "one task on workers of tcp, us", took["round_trip"]
        yield "one task on workers of tcp, times a byte there and back", took["round_trip"] / took["byte_there_and_back"]
        yield "an empty task on tcp, us", took["empty_tasks/100000"] / 1e5
        yield "the same, sent by itself, us", took["empty_tasks_one_by_one/100000"] / 1e5
        alone = took["gigabyte_over_one_connection/iterations:1"]
        yield "1 GB of results, times OpenSSL", took["gigabyte_of_results/iterations:1"] / alone
        yield "memory meanwhile, MB above the results", self._counter("tcp", "gigabyte_of_results",
                                                                      "MB beside the results")
        yield "a shared table of 100 MB, MB sent to two workers", self._counter(
            "tcp", "shared_table_of_100_megabytes", "MB sent to two workers")
        for load in self.loads:
            yield f"the program's CPU time for a task, {load['workers']:,} workers, us", load["cpu_us_per_task"]
        yield "memory of a task that is not done, 1,000 workers, bytes", self.loads[-1]["bytes_per_open_task"]
