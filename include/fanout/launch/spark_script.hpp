// The program that Spark runs: it places workers, one Spark job each, and starts them again. No task passes through it.
#pragma once

namespace fanout::detail {

/// Python, for spark-submit. Arguments: how many workers, the slots of each, the executable: a path on the machines,
/// or, if it was shipped, its bare name; the process that all this is for, a file that is there as long as workers are
/// wanted, with the key in it; and what each worker is told on its command line.
inline constexpr const char* spark_script = R"python(import os
import subprocess
import sys
import threading
import time

from pyspark import SparkContext, SparkFiles

workers, slots, program, owner, wanted = sys.argv[1:6]
told = sys.argv[6:]
with open(wanted) as file:
    key = file.read().strip()


def started(pid):
    try:
        with open("/proc/%s/stat" % pid) as stat:
            return stat.read().rsplit(")", 1)[1].split()[19]
    except OSError:
        return None


def say(text):
    print("fanout: " + text, file=sys.stderr, flush=True)


born = started(owner)
if born is None:
    sys.exit("fanout: the program that wanted workers has gone")
context = SparkContext.getOrCreate()
if context.master == "local" or context.master.startswith("local["):
    say("Spark runs as %s, which is this machine only; name a master: spark{.master = ...}" % context.master)
    context.stop()
    sys.exit(1)


# In an executor: one worker, from its beginning to its end. Gives its exit code and its last words.
def work(_):
    executable = program if "/" in program else SparkFiles.get(program)
    command = [executable] + told + ["--parent", str(os.getpid())]
    environment = dict(os.environ, FANOUT_WORKER="1", FANOUT_MAX_CPUS=slots)
    if key:
        environment["FANOUT_KEY"] = key
    else:
        command.append("--plain")
    try:
        worker = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    except OSError as error:
        yield 127, "%s: %s" % (executable, error.strerror)
        return
    words = []

    def listen():
        for line in worker.stderr:
            words.append(line.decode(errors="replace"))
            sys.stderr.write(words[-1])
            del words[:-10]

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    code = worker.wait()
    listener.join(1)
    said = "".join(words).strip()
    if code not in (0, 77, 78):  # which would be the same elsewhere; what fails is started again by Spark
        raise RuntimeError("fanout: a worker ended with exit code %d: %s" % (code, said))
    yield code, said


def place():
    try:
        for code, said in context.parallelize([0], 1).mapPartitions(work).collect():
            if code != 0:
                say("a worker ended with exit code %d: %s" % (code, said))
    except Exception as error:
        if not ending.is_set():
            say("Spark has given up a worker: %s" % str(error)[:1500])


ending = threading.Event()
places = [threading.Thread(target=place, daemon=True) for _ in range(int(workers))]
for each in places:
    each.start()
say("Spark's application %s on %s places %s workers" % (context.applicationId, context.master, workers))
while any(each.is_alive() for each in places) and os.path.exists(wanted) and started(owner) == born:
    time.sleep(0.1)
ending.set()
context.cancelAllJobs()
context.stop()
)python";

}  // namespace fanout::detail
