#!/usr/bin/env python3
"""Tables of what engines.sh has measured: engines_report.py FOLDER. Status 1 if a target is missed."""
import pathlib
import sys

import measured


def main():
    folder = pathlib.Path(sys.argv[1])
    missed = 0
    if (folder / "slurm.json").exists():
        took = measured.read_json(folder / "slurm.json")
        ratio = took["first result"] / took["srun true"]
        missed += ratio > 1.5
        print("| in a job of Slurm | |\n|---|---:|")
        print(f"| `srun true` | {took['srun true'] * 1e3:.0f} ms |")
        print(f"| the first result of a call | {took['first result'] * 1e3:.0f} ms, {ratio:.2f} x |\n")
    if (folder / "joblibspark.json").exists():
        ours, theirs = (measured.read_json(folder / f"{name}.json") for name in ("spark", "joblibspark"))
        print("| two workers of Spark | fanout | joblib with joblibspark | |\n|---|---:|---:|---:|")
        for what in ours:
            missed += what != "first_call" and theirs[what] < 3 * ours[what]
            print(f"| {what.replace('first_call', 'the first call, with the start of the application')} "
                  f"| {ours[what]:.2f} s | {theirs[what]:.2f} s | {theirs[what] / ours[what]:.1f} x |")
    sys.exit(missed > 0)


if __name__ == "__main__":
    main()
