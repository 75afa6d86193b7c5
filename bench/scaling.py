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
import report

ASSUMPTIONS = """What is assumed:

- Tasks of one length, on CPUs of the speed of this one, with memory enough for all of them.
- **threads**: the caller works alone for 2 us, as the code has it, then wakes one thread, which wakes another, and so on:
  each doubling takes a wake-up, and whoever is awake works. A wake-up is what 1,000,000 square roots after 3 ms of rest
  take longer than right after another call, divided by the share of it that the model says is lost. No more join than the
  work is worth. A worker takes 50 us of tasks at a time, as in the code, and one claim of them keeps the cursor's cache
  line for 0.1 us, which nobody has measured here: it is what others report for two sockets. More claims at once stand in
  line for it. In the end each waits for the last chunk: 0.7 us, or half a task.
- **n_jobs above the CPUs**: tasks are handed out one by one; to start a thread costs the caller what was measured with
  n_jobs = 500.
- **tcp**: the program's own thread sends every task and takes in every result, and that is what is measured, over plain TCP,
  with pretended workers on this machine, whose own work takes a part of its two CPUs. If the workers together finish tasks
  sooner than that they wait for it.

That nobody has run it on 64 CPUs, or with 1,000 machines, is to be kept in mind.
"""

ALONE = 2.0  # us in which the caller finds out how long tasks take


class model:
    def __init__(self, results):
        self.median = lambda workload, library, size: results.figures[workload, library, size][0]
        self.cpus = int(results.context["num_cpus"])
        self.root = self.median("sqrt_hot", "least", 1_000_000) / 1_000_000
        later = self.median("sqrt_cold", "fanout", 1_000_000) - self.median("sqrt_hot", "fanout", 1_000_000)
        self.wake = max(1.0, later * self.cpus / sum(map(self._wake_ups, range(self.cpus))))
        waits = {jobs: self.median("waiting", f"fanout_{jobs}", 500) for jobs in (5, 20, 100, 500)}
        self.start_of_thread = max(0.0, (waits.pop(500) - 10_000) / 500)
        self.waits = waits
        self.per_task = {load["workers"]: load["us_per_task"] for load in results.loads}

    @staticmethod
    def _wake_ups(nth):
        """How many come one after the other before the nth CPU works, the caller's being the 0th."""
        return math.ceil(math.log2(nth + 1))

    def threads(self, tasks, each, cpus, wake):
        """Microseconds of a call of so many tasks of `each` us."""
        work = tasks * each
        chunk = max(each, min(50.0, work / (2 * cpus)))
        claims = work / chunk
        took, lost = math.inf, 0.0
        for joined in range(1, min(cpus, tasks) + 1):
            if joined > 1:
                lost += ALONE + wake * self._wake_ups(joined - 1)
            in_line = max(0.0, claims * 0.1 - work / joined)  # the cursor is the bottleneck
            last = max(0.7, each / 2) if joined > 1 else 0.0
            took = min(took, (work + lost + claims * 0.1) / joined + in_line + last)
        return took

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

    def both(what, model_says, was):
        return [what, report.shown(model_says), report.shown(was)]

    def roots(count, workload, wake):
        when = "right after another call" if workload == "sqrt_hot" else "after 3 ms of rest"
        return both(f"{count:,} square roots, {when}", of.threads(count, of.root, of.cpus, wake),
                    of.median(workload, "fanout", count))

    checks = [
        roots(10_000, "sqrt_hot", 0.0),
        roots(1_000_000, "sqrt_hot", 0.0),
        roots(10_000, "sqrt_cold", of.wake),
        *(both(f"500 tasks that wait 10 ms, n_jobs = {n}", of.waiting(500, 1e4, n), took) for n, took in of.waits.items()),
        both("200,000 empty tasks, 1,000 pretended workers, by the cost with 10", 2e5 * of.per_task[10],
             2e5 * of.per_task[1000]),
    ]
    counts = (100, 10_000, 1_000_000)
    return "\n".join([
        "# On machines that are not here",
        "",
        f"By `bench/scaling.py`, from what was measured on {of.cpus} CPUs, {results.context['date'][:10]}: a wake-up of a "
        f"thread {of.wake:.0f} us, the start of one {of.start_of_thread:.0f} us, a task on tcp {of.per_task[1000]:.2f} us of "
        "the program's time with 1,000 workers. The shares are of the time that all CPUs would need if they did nothing but "
        "the tasks.",
        "",
        "**Threads on 64 CPUs**, predicted, when all of them have to be woken:",
        "",
        *predicted(lambda n, each, cpus: of.threads(n, each, cpus, of.wake), counts, 64),
        "",
        "**The same right after another call**, while they still look out for work:",
        "",
        *predicted(lambda n, each, cpus: of.threads(n, each, cpus, 0.0), counts, 64),
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
        measured.replace(pathlib.Path(arguments.page), text)


if __name__ == "__main__":
    main()
