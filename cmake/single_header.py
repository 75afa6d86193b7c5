#!/usr/bin/env python3
"""Writes all of fanout as one header: single_header.py FILE

It has what <fanout/fanout.hpp> and <fanout/progress_bar.hpp> have; and what <fanout/tcp.hpp> and <fanout/engines.hpp>
have, which need OpenSSL, for who defines FANOUT_WITH_TCP before.
"""
import pathlib
import re
import sys

include = pathlib.Path(__file__).parent.parent / "include"
own_include = re.compile(r'\s*#\s*include\s*[<"](fanout/[^>"]+)[>"]')
written = set()


def text_of(header):
    """Of this header, behind what it includes, unless that has been written already."""
    if header in written:
        return
    written.add(header)
    lines = (include / header).read_text().splitlines()
    for included in filter(None, map(own_include.match, lines)):
        yield from text_of(included[1])
    yield f"\n// --- {header}\n"
    yield from (line for line in lines if not own_include.match(line) and line != "#pragma once")


def main():
    whole = [
        "// fanout in one header, made by cmake/single_header.py. Define FANOUT_WITH_TCP for workers on other machines.",
        "// The license is at the end.",
        "#pragma once",
        *text_of("fanout/fanout.hpp"),
        *text_of("fanout/progress_bar.hpp"),
        "\n#ifdef FANOUT_WITH_TCP",
        *text_of("fanout/tcp.hpp"),
        *text_of("fanout/engines.hpp"),
        "#endif\n",
        *(f"// {line}".rstrip() for line in (include.parent / "LICENSE").read_text().splitlines()),
    ]
    pathlib.Path(sys.argv[1]).write_text("\n".join(whole) + "\n")


if __name__ == "__main__":
    main()
