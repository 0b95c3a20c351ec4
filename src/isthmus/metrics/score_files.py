"""Attribute files of the evaluation paper, and the data sets they describe.

One line an image: its name and integers, one an attribute, parted by blanks. The format and the
splits are those of "Evaluation of Correctness in Unsupervised Many-to-Many Image Translation"
(Bashkirova, Usman, Saenko, WACV 2022).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isthmus.errors import InputError
from isthmus.metrics.correctness import Role, correctness

Integers = npt.NDArray[np.int64]

_INTEGER = re.compile(r"[+-]?[0-9]{1,9}")
_PAIR = re.compile(r"([^_]+)_([^_]+)_?")


class Attributes(NamedTuple):
    """The attributes of images.

    Attributes:
        names: File names without folder and suffix, in the order of the file.
        values: Integers `(n, k)`.
        lines: The line of each image in the file, from 1.
    """

    names: tuple[str, ...]
    values: Integers
    lines: tuple[int, ...]


@dataclass(frozen=True)
class Dataset:
    """What the columns of an attribute file mean.

    Attributes:
        roles: Name and role of every column, in order. Values are classes, save for `compared`.
        domain: The column of the originals that tells the domain.
        a: Its values in domain A.
        b: Its values in domain B, or None for all others.
        labelled: The domain is a label, not a prediction; a guide of the wrong domain is an error.
        fixed: The value of attributes that are fixed in one domain, where the authors state it; of
            others the most frequent value in that domain is taken.
        compared: Real-valued attributes. Their column is the outcome of a comparison: 1 in a
            translation that is nearer to its source than to its guide, else 0; 1 in originals.
    """

    roles: Mapping[str, Role]
    domain: str
    a: frozenset[int]
    b: frozenset[int] | None
    labelled: bool = False
    fixed: Mapping[str, int] = field(default_factory=dict)
    compared: frozenset[str] = frozenset()


def _shapes3d(*roles: Role, fixed: Mapping[str, int] | None = None) -> Dataset:
    factors = ("floor_hue", "wall_hue", "object_hue", "size", "shape", "orientation")
    return Dataset(
        roles={**dict(zip(factors, roles, strict=True)), "domain": Role.NONE},
        domain="domain",
        a=frozenset({1}),
        b=frozenset({0, 2}),
        labelled=True,
        fixed=fixed or {},
    )


_CELEBA_ROLES = {
    "5_o_Clock_Shadow": Role.SHARED,
    "Arched_Eyebrows": Role.SHARED,
    "Attractive": Role.NONE,
    "Bags_Under_Eyes": Role.SHARED,
    "Bald": Role.NONE,
    "Bangs": Role.NONE,
    "Big_Lips": Role.SHARED,
    "Big_Nose": Role.SHARED,
    "Black_Hair": Role.B,
    "Blond_Hair": Role.B,
    "Blurry": Role.SHARED,
    "Brown_Hair": Role.B,
    "Bushy_Eyebrows": Role.SHARED,
    "Chubby": Role.SHARED,
    "Double_Chin": Role.SHARED,
    "Eyeglasses": Role.SHARED,
    "Goatee": Role.A,
    "Gray_Hair": Role.NONE,
    "Heavy_Makeup": Role.A,
    "High_Cheekbones": Role.SHARED,
    "Male": Role.DOMAIN,
    "Mouth_Slightly_Open": Role.NONE,
    "Mustache": Role.A,
    "Narrow_Eyes": Role.SHARED,
    "No_Beard": Role.A,
    "Oval_Face": Role.SHARED,
    "Pale_Skin": Role.SHARED,
    "Pointy_Nose": Role.SHARED,
    "Receding_Hairline": Role.NONE,
    "Rosy_Cheeks": Role.NONE,
    "Sideburns": Role.A,
    "Smiling": Role.A,
    "Straight_Hair": Role.SHARED,
    "Wavy_Hair": Role.SHARED,
    "Wearing_Earrings": Role.NONE,
    "Wearing_Hat": Role.SHARED,
    "Wearing_Lipstick": Role.NONE,
    "Wearing_Necklace": Role.NONE,
    "Wearing_Necktie": Role.NONE,
    "Young": Role.A,
}
_CELEBA_FIXED_IN_FEMALES = {
    "Young": 1,
    "Smiling": 1,
    "No_Beard": 1,
    "Sideburns": 0,
    "Mustache": 0,
    "Goatee": 0,
    "Heavy_Makeup": 1,
}
_CELEBA_FIXED_IN_MALES = {"Black_Hair": 1, "Blond_Hair": 0, "Brown_Hair": 0}

DATASETS: Mapping[str, Dataset] = {
    "shapes3d-a": _shapes3d(
        *(Role.A, Role.A, Role.SHARED, Role.B, Role.SHARED, Role.B),
        fixed={"floor_hue": 0, "wall_hue": 7, "size": 5, "orientation": 0},
    ),
    "shapes3d-b": _shapes3d(Role.A, Role.SHARED, Role.B, Role.SHARED, Role.A, Role.B),
    "shapes3d-c": _shapes3d(Role.SHARED, Role.B, Role.A, Role.A, Role.B, Role.SHARED),
    "synaction": Dataset(
        roles={"identity": Role.B, "background": Role.A, "pose": Role.SHARED},
        domain="identity",
        a=frozenset({0}),
        b=None,
        fixed={"identity": 0, "background": 0},
        compared=frozenset({"pose"}),
    ),
    "celeba": Dataset(
        roles=_CELEBA_ROLES,
        domain="Male",
        a=frozenset({1}),
        b=frozenset({0}),
        fixed={**_CELEBA_FIXED_IN_FEMALES, **_CELEBA_FIXED_IN_MALES},
    ),
}
"""The splits of the evaluation paper. 3D-Shapes: domain 1 is A; B is 2, and 0 in the authors' own
file. SynAction: identity 0 is A. CelebA: males are A, attributes are 0 or 1."""


def score(
    dataset: str,
    original: str | Path,
    translated: str | Path,
    *,
    released: bool = True,
) -> dict[str, Any]:
    """Score translations by their attributes.

    Args:
        dataset: A key of `DATASETS`.
        original: The attribute file of the originals of both domains.
        translated: That of the translations, whose images are named `CONTENT_GUIDE_.png` after the
            originals they were made from (suffixes and folders of names do not matter).
        released: Average as the authors' published summaries do, so that the numbers can be set
            beside those; else by definition. See `correctness`.

    Returns:
        The summaries and `per_attribute`, as from `isthmus.metrics.correctness.correctness`, ready
        for JSON.

    Raises:
        InputError: The data set is unknown, or a file cannot be read, breaks the format, names an
            unknown original, or does not fit the data set.
    """
    if dataset not in DATASETS:
        mend = f"use one of {', '.join(DATASETS)}"
        raise InputError("dataset", f"{dataset!r} is unknown", mend=mend)
    described = DATASETS[dataset]
    columns = list(described.roles)
    originals = read_attributes(original, columns)
    translations = read_attributes(translated, columns)
    content, guide = _pairs(original, originals, translated, translations)
    in_a = _in_a(original, originals, described)
    if described.labelled:
        _check_guides(translated, translations, in_a[content] != in_a[guide])
    fixed = [
        _fixed(original, originals.values[rows], described, {varies_elsewhere, Role.DOMAIN})
        for rows, varies_elsewhere in ((in_a, Role.B), (~in_a, Role.A))
    ]
    source, target = originals.values[content], originals.values[guide]
    for name in described.compared:
        column = columns.index(name)
        _check_comparison(translated, translations, column, name)
        source[:, column], target[:, column] = 1, 0
    return correctness(
        source,
        target,
        translations.values,
        in_a[content],
        roles=described.roles,
        fixed=fixed,
        released=released,
    )


def read_attributes(path: str | Path, columns: Sequence[str]) -> Attributes:
    """Read an attribute file, lines of `name v1 ... vk`.

    Args:
        path: The file; blank lines are passed over.
        columns: Names of the k attributes.

    Raises:
        InputError: It cannot be read, holds no images, or has a line with another number of values,
            a value that is no integer, or a name that came before.
    """
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, f"cannot be read ({error})", mend="give a text file") from None
    lines: dict[str, int] = {}
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, *values = line.split()
        if len(values) != len(columns):
            raise InputError(
                path,
                f"has {len(values)} values",
                field=f"line {number}",
                mend=f"write a name and {len(columns)} integers, {columns[0]} to {columns[-1]}",
            )
        stem = PurePosixPath(name).stem
        if stem in lines:
            raise InputError(
                path,
                f"{name} is also on line {lines[stem]}",
                field=f"line {number}",
                mend="keep one line an image",
            )
        lines[stem] = number
        rows.append([_integer(path, number, *each) for each in zip(columns, values, strict=True)])
    if not rows:
        raise InputError(path, "holds no images", mend="write one line an image")
    return Attributes(tuple(lines), np.array(rows, np.int64), tuple(lines.values()))


def _integer(path: str | Path, line: int, column: str, value: str) -> int:
    if not _INTEGER.fullmatch(value):
        mend = "use integers of at most 9 digits"
        raise InputError(path, f"{value!r} is none", field=f"line {line}, {column}", mend=mend)
    return int(value)


def _pairs(
    original: str | Path, originals: Attributes, translated: str | Path, translations: Attributes
) -> tuple[Integers, Integers]:
    """The rows of the source and of the guide of every translation."""
    rows = {name: row for row, name in enumerate(originals.names)}
    found = []
    for name, line in zip(translations.names, translations.lines, strict=True):
        pair = _PAIR.fullmatch(name)
        if pair is None:
            raise InputError(
                translated,
                f"{name} does not name a source and a guide",
                field=f"line {line}, name",
                mend="name translations CONTENT_GUIDE_.png",
            )
        for image in pair.groups():
            if image not in rows:
                raise InputError(
                    translated,
                    f"{image} is not among the originals",
                    field=f"line {line}, name",
                    mend=f"add its line to {original}",
                )
        found.append([rows[image] for image in pair.groups()])
    content, guide = np.array(found).T
    return content, guide


def _in_a(path: str | Path, originals: Attributes, dataset: Dataset) -> npt.NDArray[np.bool_]:
    labels = originals.values[:, list(dataset.roles).index(dataset.domain)]
    in_a = np.isin(labels, list(dataset.a))
    if dataset.b is not None:
        strange = ~in_a & ~np.isin(labels, list(dataset.b))
        if strange.any():
            row = int(strange.argmax())
            raise InputError(
                path,
                f"{labels[row]} is neither domain",
                field=f"line {originals.lines[row]}, {dataset.domain}",
                mend=f"use {_either(dataset.a)} for A and {_either(dataset.b)} for B",
            )
    for domain, rows in (("A", in_a), ("B", ~in_a)):
        if not rows.any():
            raise InputError(
                path,
                f"holds no image of domain {domain}",
                field=dataset.domain,
                mend="give the originals of both domains in one file",
            )
    return in_a


def _fixed(path: str | Path, values: Integers, dataset: Dataset, constant: set[Role]) -> list[int]:
    """By column the value in one domain, where attributes of the `constant` roles do not vary."""
    return [
        _fixed_value(path, values[:, k], name, dataset.fixed.get(name)) if role in constant else 0
        for k, (name, role) in enumerate(dataset.roles.items())
    ]


def _fixed_value(path: str | Path, values: Integers, name: str, stated: int | None) -> int:
    levels, counts = np.unique(values, return_counts=True)
    value = int(levels[counts.argmax()]) if stated is None else stated
    if np.mean(values == value) <= 0.5:
        raise InputError(
            path,
            f"should be {value} in one domain, and is so in {np.mean(values == value):.0%} of it",
            field=name,
            mend="name the data set that the file describes",
        )
    return value


def _check_guides(path: str | Path, translations: Attributes, apart: npt.NDArray[np.bool_]) -> None:
    if not apart.all():
        row = int(apart.argmin())
        raise InputError(
            path,
            f"source and guide of {translations.names[row]} are of the same domain",
            field=f"line {translations.lines[row]}, name",
            mend="take the guide from the other domain",
        )


def _check_comparison(path: str | Path, translations: Attributes, column: int, name: str) -> None:
    strange = ~np.isin(translations.values[:, column], (0, 1))
    if strange.any():
        row = int(strange.argmax())
        raise InputError(
            path,
            f"{translations.values[row, column]} is no outcome of a comparison",
            field=f"line {translations.lines[row]}, {name}",
            mend="write 1 where the translation is nearer to the source than to the guide, else 0",
        )


def _either(values: frozenset[int]) -> str:
    return " or ".join(map(str, sorted(values)))
