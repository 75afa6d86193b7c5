#!/usr/bin/env python3
"""What would be on machines that are not here: scaling.py FOLDER [--page FILE]

A model of a call, with costs that run.sh has measured in FOLDER, its predictions for 64 CPUs and for 1,000 workers, and
the same model beside what was measured: tasks that wait stand for CPUs that are not there, and workers of tcp that
another program pretends to have for machines. --page: also writes that into a page of the documentation.
"""
import argparse
import math
import pathlib

import measured

ASSUMPTIONS = """What is assumed:

- Tasks of one length, on CPUs of the speed of this one, with memory enough for all of them.
- **threads**: the caller begins alone for 2 us, then wakes one thread, which wakes another, and so on: a doubling takes a
  wake-up. A worker takes 50 us of tasks at a time, and one claim of them keeps the cursor's cache line for 0.1 us, which is
  what it costs between two sockets; more claims at once stand in line for it. In the end each waits for the last chunk,
  0.7 us of tasks or one task.
- **n_jobs above the CPUs**: tasks are handed out one by one; to start a thread costs the caller what was measured.
- **tcp**: the program's own thread sends every task and takes in every result, and that is what is measured with pretended
  workers, whose own work is none. If the workers together finish tasks sooner than that they wait for it.
"""


class model:
    def __init__(self, results):
        median = lambda workload, library, size: results.figures[workload, library, size][0]  # noqa: E731
        self.wake = max(1.0, median("sqrt_cold", "fanout", 10_000) - median("sqrt_hot", "fanout", 10_000))
        waits = {jobs: median("waiting", f"fanout_{jobs}", 500) for jobs in (100, 500)}
        self.start_of_thread = max(0.0, (waits[500] - 10_000) / 500)
        self.per_task = {load["workers"]: load["us_per_task"] for load in results.loads}
        self.waits = waits | {jobs: median("waiting", f"fanout_{jobs}", 500) for jobs in (5, 20, 1000)}

    def threads(self, tasks, each, cpus):
        """Microseconds of a call of so many tasks of `each` us."""
        chunk = max(each, min(50.0, tasks * each / (2 * cpus)))
        claims = tasks * each / chunk
        in_line = max(0.0, claims * 0.1 - tasks * each / cpus)  # the cursor is the bottleneck
        return 2 + self.wake * math.log2(cpus) + tasks * each / cpus + claims * 0.1 / cpus + in_line + max(0.7, each / 2)

    def waiting(self, tasks, each, jobs):
        return min(jobs, tasks) * self.start_of_thread + math.ceil(tasks / jobs) * each

    def tcp(self, tasks, each, workers):
        return max(tasks * each / workers, tasks * self.per_task[1000]) + each


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def page(results):
    of = model(results)
    efficiency = lambda tasks, each, cpus, took: f"{100 * tasks * each / cpus / took:.0f} %"  # noqa: E731
    lengths = (("1 us", 1.0), ("10 us", 10.0), ("100 us", 100.0), ("1 ms", 1e3), ("10 ms", 1e4), ("100 ms", 1e5))

    def predicted(how, counts, cpus):
        rows = []
        for what, each in lengths:
            rows.append([what] + [efficiency(n, each, cpus, how(n, each, cpus)) for n in counts])
        return table(["a task takes"] + [f"{n:,} tasks" for n in counts], rows)

    jobs = sorted(of.waits)
    checks = [[f"500 tasks that wait 10 ms, n_jobs = {n}", f"{of.waiting(500, 1e4, n) / 1e3:.1f} ms",
               f"{of.waits[n] / 1e3:.1f} ms"] for n in jobs if n != 500]  # which the start of a thread was found by
    checks.append(["200,000 empty tasks, 1,000 pretended workers, by the cost with 10",
                   f"{0.2 * of.per_task[10]:.2f} s", f"{0.2 * of.per_task[1000]:.2f} s"])
    return "\n".join([
        "# On machines that are not here",
        "",
        f"By `bench/scaling.py`, from what was measured on {results.context['num_cpus']} CPUs, "
        f"{results.context['date'][:10]}: a wake-up {of.wake:.1f} us, the start of a thread {of.start_of_thread:.0f} us, "
        f"a task on tcp {of.per_task[1000]:.2f} us of the program's time with 1,000 workers. The shares are of the time that all "
        "CPUs would need if they did nothing but the tasks.",
        "",
        "**Threads on 64 CPUs**, predicted:",
        "",
        *predicted(of.threads, (100, 10_000, 1_000_000), 64),
        "",
        "**1,000 workers of tcp**, predicted:",
        "",
        *predicted(of.tcp, (10_000, 1_000_000), 1000),
        "",
        "**The model beside what can be measured here**:",
        "",
        *table(["", "predicted", "measured"], checks),
        "",
        ASSUMPTIONS,
    ])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--page")
    arguments = parser.parse_args()
    text = page(measured.results(arguments.folder))
    print(text)
    if arguments.page:
        pathlib.Path(arguments.page).write_text(text)


if __name__ == "__main__":
    main()
