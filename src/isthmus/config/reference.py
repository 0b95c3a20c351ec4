"""`config/README.md`: every parameter explained, from the schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from isthmus.config.files import read
from isthmus.config.schema import Config, section_of


def reference() -> str:
    """`config/README.md`: every parameter with its type, unit, bounds and meaning, from the schema."""
    base = read(Path("params.yaml"))
    lines = [
        "# Parameters",
        "",
        "Made from the schema in `src/isthmus/config/schema.py` by `make docs`; a test keeps it current.",
        "Values are those of the default scale, `quick`; the other scales change what stands in",
        "`workflow/scales/<scale>.yaml`.",
        "",
        "| key | value at `quick` | unit | bounds | meaning |",
        "|---|---|---|---|---|",
        *_rows(Config, base, ""),
        "",
    ]
    return "\n".join(lines)


def _rows(model: type[BaseModel], values: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        name = field.alias or name
        key, value, inner = f"{prefix}{name}", values[name], field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield f"| **`{key}`** | | | | {' '.join((inner.__doc__ or '').split())} |"
            yield from _rows(inner, value, f"{key}.")
        elif (section := section_of(inner)) is not None:
            text = " ".join((field.description or section.__doc__ or "").split())
            yield f"| **`{key}`** | | | | {text} |"
            for child, child_values in value.items():
                yield f"| **`{key}.{child}`** | | | | {' '.join((section.__doc__ or '').split())} |"
                yield from _rows(section, child_values, f"{key}.{child}.")
        else:
            extra = field.json_schema_extra
            unit = extra["unit"] if isinstance(extra, dict) else ""
            shown = yaml.safe_dump(value, default_flow_style=True).replace("\n...", "").strip()
            text = field.description or ""
            yield f"| `{key}` | `{shown}` | {unit} | {_bounds(field)} | {text} |"


def _bounds(field: Any) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    parts = [
        f"{sign} {getattr(meta, name)}"
        for meta in field.metadata
        for name, sign in signs.items()
        if hasattr(meta, name)
    ]
    return ", ".join(parts)
