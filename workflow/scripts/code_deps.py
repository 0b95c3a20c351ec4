"""Rewrite the source-file dependencies in dvc.yaml from the imports of each stage's module."""

import re
import sys
from pathlib import Path

from isthmus.closure import closure

FILE = Path("dvc.yaml")
LINE = re.compile(r"(\s+)- src/isthmus/\S+\.py")


def rewritten(text: str) -> str:
    """The text of dvc.yaml with current source-file lines."""
    out: list[str] = []
    module = ""
    for line in text.splitlines():
        if found := re.search(r"python -m (isthmus\.stages\.\w+)", line):
            module = found.group(1)
        if code := LINE.fullmatch(line):
            if module:
                out += [f"{code.group(1)}- {path}" for path in closure(module)]
                module = ""
            continue
        out.append(line)
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    old = FILE.read_text()
    new = rewritten(old)
    FILE.write_text(new)
    sys.exit(0 if old == new else print("dvc.yaml rewritten"))
