# Checks what the README shows: python3 check.py README.md COMPILER FLAGS...
#
# Every ```cpp block must compile and run. One with a main() is a program, and must print what the ```text block behind it
# shows; one that begins with a struct stands in a namespace, with the prelude before it; any other inside a function.
import pathlib
import re
import subprocess
import sys
import tempfile

readme, *compiler = sys.argv[1:]
prelude = '#include "prelude.hpp"\n'
blocks = re.findall(r"```cpp\n(.*?)```(?:\s*```text\n(.*?)```)?", pathlib.Path(readme).read_text(), re.DOTALL)
if not blocks:
    sys.exit(f"{readme}: no code was found, which cannot be right")

for number, (code, output) in enumerate(blocks, 1):
    if "int main(" in code:
        program = code
    elif code.startswith("struct "):
        program = f"{prelude}{code}int main() {{}}\n"
    else:
        program = f"{prelude}int main() {{\n{code}}}\n"
    with tempfile.TemporaryDirectory() as folder:
        source, executable = pathlib.Path(folder, "snippet.cpp"), pathlib.Path(folder, "snippet")
        source.write_text(program)
        for command in ([*compiler, str(source), "-o", str(executable)], [str(executable)]):
            run = subprocess.run(command, text=True, capture_output=True, timeout=120, cwd=folder)
            if run.returncode != 0:
                sys.exit(f"block {number} of {readme}:\n{code}\n{run.stdout}{run.stderr}")
    if output and run.stdout != output:
        sys.exit(f"block {number} of {readme} prints\n{run.stdout}instead of\n{output}")
print(f"{len(blocks)} blocks of {readme} compile and run")
