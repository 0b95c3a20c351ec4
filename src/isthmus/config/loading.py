"""`params.yaml`, which holds the scale `quick`, and the scales that are merged over it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isthmus.config.files import keys, look, merge, read
from isthmus.config.schema import BASE_SCALE, SCALES, Config
from isthmus.config.validation import one_of, validate
from isthmus.errors import InputError


def load(root: str | Path = ".", scale: str | None = None) -> Config:
    """Read, merge and validate the parameters of a scale.

    Args:
        root: Folder that holds `params.yaml` and `workflow/scales/`.
        scale: Name of the scale; by default the one `params.yaml` names.

    Raises:
        InputError: A file, key or value is wrong; the message names it and the mend.
    """
    root = Path(root)
    path = root / "params.yaml"
    values = read(path)
    written = values.get("scale")
    if written not in SCALES:
        raise InputError(path, f"{written!r} is no scale", field="scale", mend=one_of(SCALES))
    scale = scale or written
    if scale not in SCALES:
        raise InputError("scale", f"{scale!r} is no scale", mend=one_of(SCALES))
    blame = dict.fromkeys(keys(values), path)
    if written != BASE_SCALE:
        _check_written_scale(root, values)
        if scale != written:
            raise InputError(
                path,
                f"it is at scale {written}, and {scale} builds on {BASE_SCALE}",
                field="scale",
                mend=f"run `isthmus scale {BASE_SCALE}` first",
            )
    elif scale != BASE_SCALE:
        overlay_path = root / "workflow" / "scales" / f"{scale}.yaml"
        overlay = read(overlay_path)
        values = merge(values, overlay)
        values["scale"] = scale
        blame |= dict.fromkeys(keys(overlay), overlay_path)
    return validate(values, path, blame)


def _check_written_scale(root: Path, values: Mapping[str, Any]) -> None:
    scale = values["scale"]
    overlay = read(root / "workflow" / "scales" / f"{scale}.yaml")
    for key in keys(overlay):
        if look(values, key) != look(overlay, key):
            raise InputError(
                root / "params.yaml",
                f"{look(values, key)!r} is not the value of scale {scale}, which it names",
                field=key,
                mend=f"run `isthmus scale {scale}`, or change workflow/scales/{scale}.yaml first",
            )


def for_engine(engine_config: Mapping[str, Any], root: str | Path = ".") -> Config:
    """The parameters of a Snakemake run, which may choose the scale and nothing else.

    Args:
        engine_config: What Snakemake read from `params.yaml` and from `--config`.
        root: The project's folder.

    Raises:
        InputError: `--config` changes more than the scale: a stage, which reads the parameter
            files, would not see it.
    """
    path = Path(root) / "params.yaml"
    written = read(path)
    for key in sorted({*keys(written), *keys(engine_config)} - {"scale"}):
        if look(written, key) != look(engine_config, key):
            raise InputError(
                "--config",
                f"{look(engine_config, key)!r} would not reach the stages",
                field=key,
                mend=f"write it into {path}; --config can choose the scale only",
            )
    return load(root, str(engine_config["scale"]))
