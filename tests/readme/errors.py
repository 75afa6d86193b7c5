# Checks that every message of the library stands on the page of its errors: python3 errors.py INCLUDE_DIR ERRORS.md
#
# A message is found by its beginning: what stands behind "fanout: " up to the first part that varies, 30 characters at
# most. What varies from its first word on cannot be found like this, and is left to who writes the page.
import pathlib
import re
import sys

LITERAL = r'"(?:[^"\\\n]|\\.)*"'
VARIES = r"%[a-z]|\\n"  # in a literal; elsewhere it ends with the literal
LONGEST = 30
SHORTEST = 4

headers, page = sys.argv[1:]


def plain(text):
    """As somebody reads it: without the marks of a table, of code and of a literal, and with single spaces."""
    return " ".join(re.sub(r"[\\`]", "", text).split())


on_the_page = plain(pathlib.Path(page).read_text())
count = 0
missing = []
for header in sorted(pathlib.Path(headers).rglob("*.hpp")):
    code = re.sub(r"^\s*//.*$", "", header.read_text(), flags=re.MULTILINE)
    for message in re.findall(rf'"fanout:(?:: ?|[a-z_:<>]* )(?:[^"\\\n]|\\.)*"(?:\s*{LITERAL})*', code):
        whole = "".join(part[1:-1] for part in re.findall(LITERAL, message))
        beginning = plain(re.split(VARIES, whole.removeprefix("fanout: "))[0])[:LONGEST].rstrip()
        if len(beginning) < SHORTEST or " " not in whole:  # fanout::task_timeout is a name
            continue
        count += 1
        if beginning not in on_the_page:
            missing.append(f"{header.name}: {beginning}")

if count < 100:
    sys.exit(f"only {count} messages were found in {headers}, which cannot be right")
print("\n".join(f"not in {page}: {each}" for each in missing) or f"all {count} messages are in {page}")
sys.exit(bool(missing))
