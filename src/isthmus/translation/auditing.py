"""The audit of a stored translator on a user's images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from matplotlib.colors import is_color_like, to_hex, to_rgb
from torch import Tensor

from isthmus.data import aligned_pairs, gta
from isthmus.data.pairs import image_domains, split_domains
from isthmus.data.table import Table
from isthmus.errors import InputError
from isthmus.metrics.audit import Audit, audit, exhibits
from isthmus.metrics.honesty import Quantiser
from isthmus.networks.images import image_bytes
from isthmus.translation.paired_sets import PAIRED_SETS, STEPS, Shown
from isthmus.translation.stored import stored
from isthmus.translation.translator import LearnedTranslator, to_unit
from isthmus.translation.ways import round_trip

SHOWN = 8
"""Images in the picture."""

TOLERATED = 8
"""Grey levels by which images in the colours of a palette may miss them, such as by JPEG."""


@dataclass(frozen=True)
class Inspection:
    """An audit with what it was made of.

    Attributes:
        model: Name of the translator's class.
        images: How many images of A were translated there and back.
        quantised_to: What the headline's quantiser leaves, in words.
        audit: The figures.
        pictures: Images for `isthmus.report.honesty.cycles_sheet`.
    """

    model: str
    images: int
    quantised_to: str
    audit: Audit
    pictures: dict[str, Tensor]


def inspect(
    model: str | PathLike[str],
    data: str | PathLike[str],
    *,
    known: str | None = None,
    palette: Sequence[str] = (),
    size: int = 32,
    most: int = 500,
    steps: int = 300,
    seed: int = 0,
) -> Inspection:
    """Audit the cycle A -> B -> A of a translator that `isthmus.networks.storage` saved.

    Args:
        model: The folder with `model.json` and `model.safetensors`.
        data: A Parquet table of images with the factor `domain` (a, b), such as
            `runs/quick/paired/scenes/test.parquet`; a folder of image files, each A and B side by
            side; or a folder of GTA V, see `isthmus.data.gta`, whose palette is taken. A is the
            domain that holds more.
        known: A set of `PAIRED_SETS`, whose palette and honest floor are known; B's images have to be
            in that palette and belong to A's.
        palette: Colours that B consists of, such as `#46a0f0`, where the set is the user's own.
        size: Side that images of a folder are brought to; those of a table stay.
        most: Images of A that are taken, the first ones.
        steps: Of each probe.
        seed: Of noise and probes.

    Raises:
        InputError: Something cannot be read, does not fit together, or is too little.
    """
    translator = stored(model)
    a, b = (image_bytes(table)[:most] for table in _domains(Path(data), size))
    if not len(a) or not len(b):
        raise InputError(data, "holds images of one domain only", mend="give images of A and of B")
    partners = b[torch.arange(len(a)) % len(b)]
    if isinstance(translator, LearnedTranslator):
        translator.check(a, partners)
    if known is None and not palette and _is_gta(Path(data)):
        palette = [to_hex(colour / 255) for colour in gta.PALETTE]
    shown, words = _shown(known, palette)
    if known is not None and not _in_colours(to_unit(b), shown.quantise()):
        mend = "leave out --set or give --palette"
        raise InputError(data, f"B is not in the colours of {known}", mend=mend)
    if shown.honest is not None and len(b) != len(a):
        problem = f"holds {len(a)} images of A and {len(b)} of B"
        raise InputError(data, problem, mend="give pairs, or leave out the name of the set")
    quantise = shown.quantise()
    of = round_trip(translator, to_unit(a), to_unit(partners))
    few = round_trip(translator, to_unit(a[:SHOWN]), to_unit(partners[:SHOWN]))
    return Inspection(
        type(translator).__name__,
        len(a),
        words,
        audit(of, quantise, honest=shown.floor(partners), steps=steps, seed=seed),
        exhibits(few, quantise, seed=seed),
    )


def _domains(data: Path, size: int) -> tuple[Table, Table]:
    if data.is_dir():
        kind = gta if _is_gta(data) else aligned_pairs
        return split_domains(kind.load(data, size))
    return image_domains(data)


def _is_gta(data: Path) -> bool:
    return all((data / part).is_dir() for part in (gta.FRAMES, gta.LABELS))


def _in_colours(b: Tensor, quantise: Quantiser) -> bool:
    """Whether quantising moves pixels by no more than `TOLERATED` grey levels, in the mean."""
    return bool(127.5 * (quantise(b) - b).abs().mean() <= TOLERATED)


def _shown(known: str | None, palette: Sequence[str]) -> tuple[Shown, str]:
    """What B can show, and what the quantiser leaves, in words."""
    if known is not None:
        if known not in PAIRED_SETS:
            raise InputError(known, "is no set", mend=f"use one of {', '.join(PAIRED_SETS)}")
        shown, words = PAIRED_SETS[known].shown, f"the palette of {known}"
    else:
        wrong = [colour for colour in palette if not is_color_like(colour)]
        if wrong:
            raise InputError(wrong[0], "is no colour", mend="write colours such as #46a0f0")
        colours = np.rint([[255 * c for c in to_rgb(colour)] for colour in palette])
        shown = Shown(colours.astype(np.uint8)) if len(colours) else Shown()
        words = f"the {len(colours)} given colours"
    return shown, words if shown.palette is not None else f"{2 * STEPS + 1} levels"
