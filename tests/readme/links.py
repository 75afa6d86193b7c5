# Checks that links within the repository lead somewhere: python3 links.py ROOT
#
# Of README.md and docs/*.md: the file must be there, and so must the heading behind a #.
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])


def without_code(page):
    return re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)


def anchors(page):
    """Of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", without_code(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


count = 0
broken = []
for page in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", without_code(page))):
        if re.match(r"[a-z]+:", link):
            continue
        count += 1
        path, _, heading = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            broken.append(f"{page.relative_to(root)}: {link} leads nowhere")
        elif heading and heading not in anchors(target):
            broken.append(f"{page.relative_to(root)}: {link}: there is no such heading")

if count == 0:
    sys.exit(f"no links were found in {root}, which cannot be right")
print("\n".join(broken) or f"{count} links lead somewhere")
sys.exit(bool(broken))
