# Checks that a mistake is refused with one readable error: python3 check.py MISTAKE.cpp COMPILER FLAGS...
#
# The file begins with what the error must say, and if there is not one error but more, with their number:
#
#     // error: fanout: n_jobs must be a whole number
#     // errors: 2
#
# A flag that makes an error of a warning stands there as "// flags: -Werror=unused-result".
#
# The mistake stands in #ifndef CORRECTED, the right form in its #else. That one must compile, so that nothing but the
# mistake can be what was refused.
import re
import subprocess
import sys

mistake, *compiler = sys.argv[1:]


def compile_with(*flags):
    run = subprocess.run([*compiler, "-fsyntax-only", *flags, mistake], text=True, capture_output=True)
    return run.returncode == 0, run.stderr


def fail(why, output):
    sys.exit(f"{mistake}: {why}\n\n{output}")


source = open(mistake).read()
expected = re.match(r"// error: (.+)\n(?:// errors: (\d+)\n)?(?:// flags: (.+)\n)?", source)
if not expected:
    fail("the first line must be '// error: ' and what the error says", "")
text, count = expected[1], int(expected[2] or 1)
compiler += (expected[3] or "").split()

compiled, output = compile_with()
errors = [line for line in output.splitlines() if " error: " in line]
if compiled:
    fail("compiled, but must not", output)
if text not in output:
    fail(f"was refused, but not with '{text}'", output)
if len(errors) != count:
    fail(f"{len(errors)} errors instead of {count}", output)

compiled, output = compile_with("-DCORRECTED")
if not compiled:
    fail("does not compile with -DCORRECTED, but must", output)
print("\n".join(errors))
