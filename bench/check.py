#!/usr/bin/env python3
"""The gate: check.py FOLDER [--aims]

Holds what run.sh has measured against limits.txt, and ends with status 1 and the rows that are over: over what CI
allows, or with --aims over what fanout wants to be.
"""
import sys

import measured


def main():
    folder, *words = sys.argv[1:]
    by_aims = words == ["--aims"]
    figures = dict(measured.results(folder).aims())
    allowed = {what: aim if by_aims else in_ci for what, aim, in_ci in measured.limits()}
    if figures.keys() != allowed.keys():
        sys.exit(f"limits.txt and what was measured differ: {sorted(figures.keys() ^ allowed.keys())}")
    over = [f"{figures[what]:.3g} instead of {limit:g}: {what}" for what, limit in allowed.items()
            if figures[what] > limit]
    if over:
        sys.exit("\n".join(["slower than it may be:", *over]))
    print(f"{len(allowed)} figures are within their limits")


if __name__ == "__main__":
    main()
