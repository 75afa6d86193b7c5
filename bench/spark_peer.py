#!/usr/bin/env python3
"""The calls of engines.cpp with joblib and joblibspark, as JSON of seconds: spark_peer.py MASTER"""
import json
import statistics
import sys
import time

import joblib
from joblibspark import register_spark
from pyspark.sql import SparkSession


def nothing(i):
    return i


def wait_10_ms(i):
    time.sleep(0.01)


def megabyte(i):
    return b"x" * 1_000_000


def timed(function, tasks, times):
    took = []
    for _ in range(times):
        before = time.perf_counter()
        results = joblib.Parallel(n_jobs=2, backend="spark")(joblib.delayed(function)(i) for i in range(tasks))
        took.append(time.perf_counter() - before)
        assert len(results) == tasks
    return statistics.median(took)


def main():
    begun = time.perf_counter()
    session = SparkSession.builder.master(sys.argv[1]).config("spark.executor.memory", "600m").getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    register_spark()
    timed(nothing, 2, 1)
    print(json.dumps({
        "first_call": time.perf_counter() - begun,
        "1000 tasks of 10 ms": timed(wait_10_ms, 1000, 1),
        "200 results of 1 MB": timed(megabyte, 200, 1),
    }))


if __name__ == "__main__":
    main()
