# Runs a test program. If it hangs, prints what each of its threads and children is doing, ends them, and fails.
#
#     python3 watchdog.py SECONDS PROGRAM ARGUMENTS...
#
# This is a process of its own so that the tested one has no thread, no child and no signal handler but its own.
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path


def with_descendants(pid):
    children = "".join(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")).split()
    return [pid] + [each for child in children for each in with_descendants(int(child))]


def print_stacks(pid):
    if shutil.which("gdb"):
        command = ["gdb", "-nx", "-batch", "-p", str(pid), "-ex", "thread apply all backtrace"]
        subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    else:
        print("install gdb to see what process", pid, "is doing")


limit, *command = sys.argv[1:]
try:
    test = subprocess.Popen(command)
    status = test.wait(float(limit))
except FileNotFoundError:
    sys.exit(f"{command[0]} has not been built")
except subprocess.TimeoutExpired:
    print(f"\nhang: {' '.join(command)} has not ended after {limit} s", flush=True)
    processes = with_descendants(test.pid)
    for pid in processes:
        print_stacks(pid)
    for pid in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    sys.exit(1)

if status < 0:  # died of a signal: so does this, for ctest to report it
    os.kill(os.getpid(), -status)
sys.exit(status)
