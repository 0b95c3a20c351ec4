"""Parameter files as mappings: reading, dotted keys, merging."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from isthmus.errors import InputError


def read(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        InputError: The file is missing or holds something else.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            path, "the file is missing", mend="run from the project's folder"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(path, f"not YAML ({error})", mend="correct the line it names") from None
    if not isinstance(values, dict):
        raise InputError(path, "not a mapping of sections", mend="write `key: value` lines")
    return values


def keys(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """The dotted names of all values."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from keys(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def look(values: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted name, None where there is none."""
    node: Any = values
    for part in key.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    return node


def merge(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `overlay` over it: mappings merge key by key, all else replaces."""
    out = dict(base)
    for key, value in overlay.items():
        old = out.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        out[key] = merge(old, value) if both else value  # type: ignore[arg-type]
    return out
