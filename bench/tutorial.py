#!/usr/bin/env python3
"""The three cases of joblib's tutorial with the examples, and with joblib in Python, in turn, as JSON:
tutorial.py EXAMPLES PAGE_SERVER [--rounds N]

Each language trains its own forests (dlib's, scikit-learn's) and makes requests in its own way (libcurl, requests), so
seconds tell of those too; the gain over the plain loop tells of the library. Both fetch pages of one server.
"""
import argparse
import importlib.metadata
import json
import math
import pathlib
import re
import statistics
import subprocess
import threading
import time

import joblib
import numpy
import requests
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier

ROOTS = 10_000
ROWS, GROUPS = 30_000, 30  # of the tutorial's 1,000,000 rows in 1,000 groups: forests of the same size, fewer of them
REQUESTS, AT_ONCE = 500, 20
SAMPLE = 50  # requests that are made one by one, for all would take too long


def seconds(action):
    before = time.perf_counter()
    results = action()
    return time.perf_counter() - before, results


# --- Python ---------------------------------------------------------------------------------------------------------


def roots():
    """Medians of several calls, as the example in C++ has it."""
    numbers = [i * i for i in range(ROOTS)]
    loops, calls = [], []
    for _ in range(15):
        loop, one_by_one = seconds(lambda: [math.sqrt(x) for x in numbers])
        took, same = seconds(lambda: joblib.Parallel(n_jobs=2)(joblib.delayed(math.sqrt)(x) for x in numbers))
        assert same == one_by_one
        loops.append(loop)
        calls.append(took)
    return statistics.median(loops), statistics.median(calls)


def train(rows, labels):
    return RandomForestClassifier(n_estimators=100, max_features="sqrt", n_jobs=1, random_state=0).fit(rows, labels)


def forests():
    rows, labels = make_classification(n_samples=ROWS, n_features=10, random_state=42)
    group_of = numpy.random.default_rng(42).integers(GROUPS, size=ROWS)
    groups = [(rows[group_of == i], labels[group_of == i]) for i in range(GROUPS)]
    loop, _ = seconds(lambda: [train(*each) for each in groups])
    took, models = seconds(lambda: joblib.Parallel(n_jobs=2)(joblib.delayed(train)(*each) for each in groups))
    assert len(models) == GROUPS
    return loop, took


def pages(url):
    own = threading.local()

    def get(address):
        if not hasattr(own, "session"):
            own.session = requests.Session()  # keeps its connection, as a handle of libcurl does
        response = own.session.get(address, timeout=30)
        response.raise_for_status()
        return response.text

    sample, _ = seconds(lambda: [get(url) for _ in range(SAMPLE)])
    in_threads = joblib.Parallel(n_jobs=AT_ONCE, prefer="threads")
    took, bodies = seconds(lambda: in_threads(joblib.delayed(get)(url) for _ in range(REQUESTS)))
    assert len(bodies) == REQUESTS
    return sample * REQUESTS / SAMPLE, took


# --- C++ ------------------------------------------------------------------------------------------------------------


def example(*command):
    said = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout
    if command[0].name == "sqrt":
        loop, took = re.search(r"10,000 square roots\s+(\d+) us\s+(\d+) us", said).groups()
        return float(loop) / 1e6, float(took) / 1e6
    return tuple(float(re.search(rf"{name}\s+([\d.]+) s", said)[1]) for name in ("plain loop", "parallel"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("examples", type=pathlib.Path)
    parser.add_argument("page_server")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()

    server = subprocess.Popen([arguments.page_server], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    url = server.stdout.readline().strip()
    folder = arguments.examples
    cases = {
        "square_roots": (lambda: example(folder / "sqrt", "--jobs", 2), roots),
        "forests": (lambda: example(folder / "train_models", "--jobs", 2, "--rows", ROWS, "--groups", GROUPS), forests),
        "requests": (lambda: example(folder / "http_requests", "--jobs", AT_ONCE, "--requests", REQUESTS, "--url", url),
                     lambda: pages(url)),
    }
    joblib.Parallel(n_jobs=2)(joblib.delayed(math.sqrt)(i) for i in range(2))  # starts its workers, which stay
    measured = {case: {"fanout": [], "joblib": []} for case in cases}
    for _ in range(arguments.rounds):
        for case, (ours, theirs) in cases.items():
            measured[case]["fanout"].append(ours())
            measured[case]["joblib"].append(theirs())
    server.stdin.close()
    server.wait(timeout=30)

    medians = {case: {who: [statistics.median(column) for column in zip(*rounds)] for who, rounds in both.items()}
               for case, both in measured.items()}
    versions = {name: importlib.metadata.version(name) for name in ("joblib", "scikit-learn", "requests")}
    print(json.dumps({"versions": versions, "seconds": medians}, indent=1))


if __name__ == "__main__":
    main()
