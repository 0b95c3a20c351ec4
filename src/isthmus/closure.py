"""Which source files a module depends on: its imports within this package, followed to the end.

Read from the text, nothing is run. Both engines declare these files as inputs of a stage, so that
an edit re-runs the stages that use the file and no others.
"""

from __future__ import annotations

import ast
from functools import cache
from importlib.util import resolve_name
from pathlib import Path

PACKAGE = Path(__file__).parent


def closure(module: str) -> tuple[str, ...]:
    """Source files of `module` and of all it imports from this package, sorted.

    Args:
        module: Dotted name, such as `isthmus.stages.align`.

    Returns:
        Paths relative to the project's folder, such as `src/isthmus/config.py`.
    """
    found: set[str] = set()
    todo = [module]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += _imports(name)
    return tuple(
        sorted(f"src/{_file(name).relative_to(PACKAGE.parent).as_posix()}" for name in found)
    )


def _file(module: str) -> Path:
    parts = module.split(".")[1:]
    plain = PACKAGE.joinpath(*parts)
    return plain / "__init__.py" if plain.is_dir() else plain.with_suffix(".py")


def _exists(module: str) -> bool:
    return module.split(".")[0] == PACKAGE.name and _file(module).is_file()


@cache
def _imports(module: str) -> tuple[str, ...]:
    path = _file(module)
    parents = module.split(".")
    names = [".".join(parents[:i]) for i in range(1, len(parents))]
    package = module if path.name == "__init__.py" else ".".join(parents[:-1])
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return tuple(name for name in names if _exists(name))
