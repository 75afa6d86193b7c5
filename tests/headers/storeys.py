# Checks that no header includes what stands above it or beside it in another wing: python3 storeys.py INCLUDE_DIR
import re
import sys
from pathlib import Path

# A folder, or a header at the top, may include what is in the folders after it, and in its own.
MAY_INCLUDE = {
    "fanout.hpp": ["front", "processes", "threads", "serialize", "core"],
    "environment.hpp": ["front"],
    "progress_bar.hpp": ["core"],
    "engines.hpp": ["launch"],
    "tcp.hpp":    ["tcp", "launch", "processes", "threads", "serialize", "core"],

    "front":      ["processes", "threads", "serialize", "core"],
    "tcp":        ["launch", "processes", "threads", "serialize", "core"],

    "launch":     ["core"],
    "processes":  ["core"],
    "threads":    ["core"],
    "serialize":  ["core"],

    "core":       [],
}

root = Path(sys.argv[1]) / "fanout"
mistakes = []
for header in sorted(root.rglob("*.hpp")):
    name = header.relative_to(root)
    wing = name.parts[0]
    if wing not in MAY_INCLUDE:
        mistakes.append(f"{name}: give {wing} a place in the table of {Path(__file__).name}")
        continue
    for included in re.findall(r'^\s*#\s*include\s*[<"]fanout/([^/>"]+)', header.read_text(), re.MULTILINE):
        if included not in [wing, *MAY_INCLUDE[wing]]:
            mistakes.append(f"{name} includes {included}, but {wing} stands on {MAY_INCLUDE[wing]}")

print("\n".join(mistakes) or "every header looks down")
sys.exit(bool(mistakes))
