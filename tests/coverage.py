#!/usr/bin/env python3
"""How much of include/ was run: coverage.py PROFILE PROGRAM... prints a table, and what was not run.

llvm-cov, given all programs at once, takes each function from one of them, and calls functions not run that another
program has run: so each program is asked by itself. A line was run if it was in any; a branch if it went that way in any,
whichever instance of a template that was.

A count that follows from others may be wrong behind a fork, which one process enters and two leave: less than none is
none.
"""
import collections
import concurrent.futures
import json
import subprocess
import sys


def exported(profile, program, how):
    command = ["llvm-cov-19", "export", f"-format={how}", program, f"-instr-profile={profile}",
               "--ignore-filename-regex=/tests/|/usr/"]
    if how == "text":
        command.append("-skip-functions")
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def was_run(count):
    return 0 < count < 1 << 62


def lines_of(profile, program):
    """(file, line, whether it was run)"""
    file = None
    for row in exported(profile, program, "lcov").splitlines():
        what, _, value = row.partition(":")
        if what == "SF":
            file = value
        elif what == "DA":
            number, count = value.split(",")[:2]
            yield file, int(number), was_run(int(count))


def branches_of(profile, program):
    """(file, (where it is, which way), whether it went there)"""
    for file in json.loads(exported(profile, program, "text"))["data"][0]["files"]:
        for branch in file["branches"]:
            for way in (0, 1):
                yield file["filename"], (tuple(branch[:4]), way), was_run(branch[4 + way])


def main():
    profile, *programs = sys.argv[1:]
    lines, branches = collections.defaultdict(dict), collections.defaultdict(dict)
    with concurrent.futures.ProcessPoolExecutor() as pool:
        for some in pool.map(all_of, [profile] * len(programs), programs):
            for found, of_program in zip((lines, branches), some):
                for file, where, run in of_program:
                    if "/include/" in file:
                        found[file][where] = found[file].get(where, False) or run

    short = lambda file: file[file.rindex("/include/") + 9:]  # noqa: E731
    row = "{:<45} {:>6} {:>6} {:>8}   {:>6} {:>6} {:>8}".format
    share = lambda found: f"{100 * sum(found.values()) / len(found):.2f} %" if found else "-"  # noqa: E731
    missed = lambda found: len(found) - sum(found.values())  # noqa: E731
    print(row("file", "lines", "missed", "run", "ways", "missed", "gone"))
    for file in sorted(lines, key=short):
        print(row(short(file), len(lines[file]), missed(lines[file]), share(lines[file]), len(branches[file]),
                  missed(branches[file]), share(branches[file])))
    total = [{(file, where): run for file in found for where, run in found[file].items()} for found in (lines, branches)]
    for file in sorted(lines, key=short):
        for where in sorted(where for where, run in lines[file].items() if not run):
            print(f"not run: {short(file)}:{where}")
        for (where, way) in sorted(key for key, run in branches[file].items() if not run):
            print(f"never {'false' if way else 'true'}: {short(file)}:{where[0]}:{where[1]}")
    print(row("all", len(total[0]), missed(total[0]), share(total[0]), len(total[1]), missed(total[1]), share(total[1])))


def all_of(profile, program):
    return list(lines_of(profile, program)), list(branches_of(profile, program))


if __name__ == "__main__":
    main()
