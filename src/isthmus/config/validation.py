"""From values to a `Config`, or to an error that names the file, the key and the mend."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from isthmus.config.schema import Config, section_of
from isthmus.errors import InputError


def validate(values: Mapping[str, Any], path: Path, blame: Mapping[str, Path]) -> Config:
    """The configuration that the values make.

    Args:
        values: The merged parameters.
        path: The file to name where no other is to blame.
        blame: Which file each dotted name came from.

    Raises:
        InputError: A value is missing, unknown, out of bounds, or contradicts another.
    """
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        key = ".".join(str(part) for part in first["loc"])
        where = next((p for k, p in blame.items() if k == key or k.startswith(f"{key}.")), path)
        if first["type"] == "extra_forbidden":
            near = _nearest(key, _known(Config, values))
            raise InputError(
                where,
                "unknown key",
                field=key,
                mend=f"did you mean {near}?" if near else "remove it",
            ) from None
        if first["type"] == "missing":
            raise InputError(where, "the key is missing", field=key, mend="add it") from None
        problem = f"{first['msg'][0].lower()}{first['msg'][1:]}, found {first['input']!r}"
        raise InputError(where, problem, field=key, mend="see config/README.md") from None
    _cross_check(config, path)
    return config


def _cross_check(config: Config, path: Path) -> None:
    known = {*config.toys, *config.digit_pairs}
    for name in (
        "sources",
        "toys",
        "pairs",
        "families",
        "rivals",
        "rival_pairs",
        "sets",
        "translators",
        "paired_sets",
        "defences",
        "puppet_tasks",
        "puppeteers",
        "rigs",
    ):
        listed = getattr(config, name)
        if len(set(listed)) != len(listed):
            raise InputError(path, "an entry stands twice", field=name, mend="keep one of them")
    for pair in config.pairs:
        if pair not in known:
            raise InputError(
                path,
                f"{pair!r} is neither a toy set nor a digit pair",
                field="pairs",
                mend=one_of(sorted(known)),
            )
        for section in ("prefit", "align"):
            if pair not in getattr(config, section):
                raise InputError(
                    path,
                    f"no settings for the pair {pair!r}",
                    field=f"{section}.{pair}",
                    mend="add it",
                )
    for pair in config.rival_pairs:
        if pair not in config.pairs:
            raise InputError(
                path,
                f"{pair!r} is not aligned",
                field="rival_pairs",
                mend=one_of(config.pairs),
            )
    for rig in config.rigs:
        if rig not in config.rig:
            raise InputError(
                path, f"no settings for the rig {rig!r}", field=f"rig.{rig}", mend="add it"
            )
    for name, pair_ in config.digit_pairs.items():
        if name in config.toys:
            raise InputError(
                path, "a toy set has this name", field=f"digit_pairs.{name}", mend="rename the pair"
            )
        for side in ("a", "b"):
            if getattr(pair_, side) not in config.sources:
                raise InputError(
                    path,
                    f"{getattr(pair_, side)!r} is not prepared",
                    field=f"digit_pairs.{name}.{side}",
                    mend="add it to `sources`",
                )
    for name in ("domains", "adapters", "open_adapters"):
        listed = list(getattr(config.adaptation, name))
        field = f"adaptation.{name}"
        if len(set(listed)) != len(listed):
            raise InputError(path, "an entry stands twice", field=field, mend="keep one of them")
    for reference in ("source-only", "oracle"):
        if reference not in config.adaptation.adapters:
            raise InputError(
                path,
                f"{reference!r}, which the others are measured by, is not there",
                field="adaptation.adapters",
                mend="add it",
            )


def one_of(names: tuple[str, ...] | list[str]) -> str:
    """The mend where a name is not one of a few."""
    return f"use one of {', '.join(names)}"


def _known(model: type[BaseModel], values: Mapping[str, Any], prefix: str = "") -> list[str]:
    names = []
    for name, field in model.model_fields.items():
        name = field.alias or name
        names.append(f"{prefix}{name}")
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            child = values.get(name)
            names += _known(inner, child if isinstance(child, Mapping) else {}, f"{prefix}{name}.")
        elif (section := section_of(inner)) is not None:
            for key in values.get(name) or {}:
                names += [f"{prefix}{name}.{key}", *_known(section, {}, f"{prefix}{name}.{key}.")]
    return names


def _nearest(key: str, known: list[str]) -> str | None:
    match = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f"`{match[0]}`" if match else None
