#!/usr/bin/env python3
"""What joblib's worker processes (loky) cost on this machine, as JSON: joblib_calls.py [--rounds N]

Cold is the first call of a program, for which each round starts one; warm are the calls after it.
"""
import argparse
import json
import operator
import statistics
import subprocess
import sys
import time

import joblib


def call(tasks):
    """Seconds for so many tasks that do nothing."""
    before = time.perf_counter()
    joblib.Parallel(n_jobs=2)(joblib.delayed(operator.index)(i) for i in range(tasks))
    return time.perf_counter() - before


def one_program():
    cold = call(2)
    warm = statistics.median(call(2) for _ in range(50))
    many = 20_000
    return {"cold": cold, "warm": warm, "task": call(many) / many}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(one_program()))
        return
    programs = [json.loads(subprocess.check_output([sys.executable, __file__, "--one"])) for _ in range(arguments.rounds)]
    medians = {what: statistics.median(each[what] for each in programs) for what in programs[0]}
    print(json.dumps({"version": joblib.__version__, "seconds": medians}))


if __name__ == "__main__":
    main()
