# Checks what a page shows: python3 check.py [--without-tcp] PAGE COMPILER FLAGS...
#
# Every ```cpp block must compile and run. One with a main() is a program, and must print what the ```text block behind it
# shows; one that begins with a struct stands in a namespace, with the prelude before it; any other inside a function,
# behind its own #include lines. Without tcp, blocks that include its header are left out.
import pathlib
import re
import subprocess
import sys
import tempfile

page, *compiler = [each for each in sys.argv[1:] if each != "--without-tcp"]
has_tcp = "--without-tcp" not in sys.argv[1:]
prelude = '#include "prelude.hpp"\n'
blocks = re.findall(r"```cpp\n(.*?)```(?:\s*```text\n(.*?)```)?", pathlib.Path(page).read_text(), re.DOTALL)
if not blocks:
    sys.exit(f"{page}: no code was found, which cannot be right")

left_out = 0
for number, (code, output) in enumerate(blocks, 1):
    if not has_tcp and "<fanout/tcp.hpp>" in code:
        left_out += 1
        continue
    lines = code.splitlines(keepends=True)
    includes = "".join(line for line in lines if line.startswith("#include"))
    rest = "".join(line for line in lines if not line.startswith("#include")).lstrip()
    if "int main(" in code:
        program = code
    elif rest.startswith("struct "):
        program = f"{prelude}{includes}{rest}int main() {{}}\n"
    else:
        program = f"{prelude}{includes}int main() {{\n{rest}}}\n"
    with tempfile.TemporaryDirectory() as folder:
        source, executable = pathlib.Path(folder, "snippet.cpp"), pathlib.Path(folder, "snippet")
        source.write_text(program)
        for command in ([*compiler, str(source), "-o", str(executable)], [str(executable)]):
            run = subprocess.run(command, text=True, capture_output=True, timeout=120, cwd=folder)
            if run.returncode != 0:
                sys.exit(f"block {number} of {page}:\n{code}\n{run.stdout}{run.stderr}")
    if output and run.stdout != output:
        sys.exit(f"block {number} of {page} prints\n{run.stdout}instead of\n{output}")
print(f"{len(blocks) - left_out} blocks of {page} compile and run" + (f", {left_out} left out" if left_out else ""))
