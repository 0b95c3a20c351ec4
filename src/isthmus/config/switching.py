"""Switching `params.yaml` between scales, for `dvc repro`, which reads nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isthmus.config.files import read
from isthmus.config.loading import load
from isthmus.config.schema import BASE_SCALE
from isthmus.errors import InputError


def switch(root: str | Path, scale: str) -> None:
    """Write the values of another scale into `params.yaml`, comments kept, for `dvc repro`.

    Raises:
        InputError: There is no such scale, or nothing to switch back to.
    """
    root = Path(root)
    path, kept = root / "params.yaml", root / ".isthmus" / "params.quick.yaml"
    written = load(root).scale
    if scale == written:
        return
    if written != BASE_SCALE:
        if not kept.exists():
            raise InputError(path, "its values at quick were not kept", mend="git checkout it")
        path.write_text(kept.read_text(encoding="utf-8"), encoding="utf-8")
        kept.unlink()
    if scale == BASE_SCALE:
        return
    load(root, scale)
    from ruamel.yaml import YAML

    text = path.read_text(encoding="utf-8")
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(text, encoding="utf-8")
    editor = YAML()
    document = editor.load(text)
    _overwrite(document, read(root / "workflow" / "scales" / f"{scale}.yaml"))
    document["scale"] = scale
    with path.open("w", encoding="utf-8") as file:
        editor.dump(document, file)


def _overwrite(document: Any, overlay: Mapping[str, Any]) -> None:
    for key, value in overlay.items():
        if isinstance(value, Mapping) and isinstance(document.get(key), Mapping):
            _overwrite(document[key], value)
        else:
            document[key] = value
