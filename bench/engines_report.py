#!/usr/bin/env python3
"""Tables of what engines.sh has measured: engines_report.py FOLDER. Status 1 if a target is missed.

    --page F    also writes them into file F, between its markers
"""
import argparse
import datetime
import os
import pathlib
import sys

import measured


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--page", type=pathlib.Path)
    arguments = parser.parse_args()
    folder = arguments.folder

    missed = 0
    text = [f"By `bench/engines.sh` on {os.cpu_count()} CPUs, {datetime.date.today()}; the engines run there too. The first call is "
            "made once, and differs by some seconds from run to run; of the others fanout's is the median of three, joblib's "
            "one."]
    if (folder / "slurm.json").exists():
        took = measured.read_json(folder / "slurm.json")
        ratio = took["first result"] / took["srun true"]
        missed += ratio > 1.5
        text += ["", "| in a job of Slurm | |", "|---|---:|"]
        text.append(f"| `srun true` | {took['srun true'] * 1e3:.0f} ms |")
        text.append(f"| the first result of a call | {took['first result'] * 1e3:.0f} ms, {ratio:.2f} x |")
    if all((folder / f"{name}.json").exists() for name in ("spark", "joblibspark")):
        ours, theirs = (measured.read_json(folder / f"{name}.json") for name in ("spark", "joblibspark"))
        of_tutorial = folder / "joblibspark_of_tutorial.json"
        before = measured.read_json(of_tutorial) if of_tutorial.exists() else {}
        text += ["", "| two workers of Spark | fanout | joblib with joblibspark | | as in joblib's tutorial (1.1.0, 0.5.0) |",
                 "|---|---:|---:|---:|---:|"]
        for what in ours:
            missed += what != "first_call" and theirs[what] < 3 * ours[what]
            text.append(f"| {what.replace('first_call', 'the first call, with the start of the application')} "
                        f"| {ours[what]:.2f} s | {theirs[what]:.2f} s | {theirs[what] / ours[what]:.1f} x "
                        f"| {f'{before[what]:.2f} s' if what in before else ''} |")
    print("\n".join(text))

    if arguments.page:
        measured.replace(arguments.page, measured.between_markers(arguments.page, "engines", text))
    sys.exit(missed > 0)


if __name__ == "__main__":
    main()
