#!/usr/bin/env python3
"""The gate: check.py FOLDER [--aims]

Holds what run.sh has measured against limits.txt, and ends with status 1 and the rows that are over: over what CI
allows, or with --aims over what fanout wants to be.
"""
import argparse
import sys

import measured


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--aims", action="store_true")
    arguments = parser.parse_args()

    results = measured.results(arguments.folder)
    figures = dict(results.aims())
    limits = list(measured.limits())
    unlike = figures.keys() ^ {what for what, _, _ in limits}
    if unlike:
        sys.exit(f"limits.txt and what was measured differ: {sorted(unlike)}")

    def over(limit_of):
        # Said in this way, so that what is not a number is over.
        return [f"{figures[what]:.3g} instead of {limit_of(aim, in_ci):g}: {what}" for what, aim, in_ci in limits
                if not figures[what] <= limit_of(aim, in_ci)]

    missed = over(lambda aim, _: aim)
    refused = missed if arguments.aims else over(lambda _, in_ci: in_ci)
    if refused:
        sys.exit("\n".join(["slower than it may be:", *refused]))
    load = results.context.get("load_avg", ["?"])[0]
    print(f"None of {len(limits)} figures is over what it may be; {len(missed)} miss what fanout wants to be, which is "
          f"measured on a machine that does nothing else (the load was {load}).")


if __name__ == "__main__":
    main()
