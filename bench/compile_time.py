#!/usr/bin/env python3
"""What it costs to include fanout, beside others, as JSON of seconds: compile_time.py [--rounds N]

g++ -O0, each in turn in each round, the median. With public headers by themselves, and with a small program that uses
each library for the same loop.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

INCLUDE = pathlib.Path(__file__).parent.parent / "include"

LOOP = """#include <cmath>
#include <cstddef>
#include <vector>
{includes}
double root(std::size_t i) {{ return std::sqrt(double(i)); }}
int main() {{
    std::vector<double> results(1000);
    {loop}
    return results[4] == 2 ? 0 : 1;
}}
"""

PROGRAMS = {
    "a plain loop": ("", "for (std::size_t i = 0; i < 1000; ++i) results[i] = root(i);"),
    "the same with OpenMP": (
        "",
        "#pragma omp parallel for\n    for (std::size_t i = 0; i < 1000; ++i) results[i] = root(i);",
    ),
    "the same with fanout": (
        "#include <fanout/fanout.hpp>\n#include <ranges>",
        "results = fanout::parallel()(fanout::delayed(root), std::views::iota(std::size_t{0}, results.size()));",
    ),
    "the same with oneTBB": (
        "#include <tbb/parallel_for.h>",
        "tbb::parallel_for(std::size_t{0}, results.size(), [&](std::size_t i) { results[i] = root(i); });",
    ),
    "the same with `std::execution::par`": (
        "#include <algorithm>\n#include <execution>",
        "std::for_each(std::execution::par, results.begin(), results.end(), [&](double& each) {"
        " each = root(std::size_t(&each - results.data())); });",
    ),
}


def sources():
    for header in ("thread", "future", "execution", "tbb/parallel_for.h", "tbb/tbb.h", "fanout/fanout.hpp"):
        yield f"`#include <{header}>`", f"#include <{header}>\n"
    rest = sorted(path.relative_to(INCLUDE) for path in (INCLUDE / "fanout").glob("*.hpp"))
    for header in rest:
        if header.name != "fanout.hpp":
            yield f"`#include <{header}>`", f"#include <{header}>\n"
    for what, (includes, loop) in PROGRAMS.items():
        yield what, LOOP.format(includes=includes, loop=loop)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    took = {}
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for number, (what, text) in enumerate(sources()):
            files[what] = pathlib.Path(folder, f"{number}.cpp")
            files[what].write_text(text)
        for _ in range(rounds):
            for what, file in files.items():
                command = ["g++", "-std=c++20", "-O0", "-fopenmp", "-I", INCLUDE, "-c", file, "-o", f"{folder}/object.o"]
                before = time.perf_counter()
                subprocess.run(command, check=True)
                took.setdefault(what, []).append(time.perf_counter() - before)
    print(json.dumps({what: statistics.median(times) for what, times in took.items()}, indent=1))


if __name__ == "__main__":
    main()
