"""Translate a folder of images with a stored translator."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from isthmus import record
from isthmus.data.aligned_pairs import SUFFIXES, images_in
from isthmus.data.files import refuse_inputs
from isthmus.data.folders import made_folder
from isthmus.data.pairs import image_domains
from isthmus.data.synaction import read_image
from isthmus.errors import InputError
from isthmus.networks.storage import CONFIG
from isthmus.translation.stored import as_used
from isthmus.translation.translator import Direction, Translator, into, translate_bytes

SHEET = "_sheet.png"
"""Name of the contact sheet among the translations."""

_BATCH = 12
"""Images translated at a time; the first ones are on the sheet."""


class Translated(NamedTuple):
    """What came of a folder.

    Attributes:
        written: The translations.
        skipped: Why each unreadable file was left out.
        sheet: Rows of sources, guides where there are any, and translations.
    """

    written: list[Path]
    skipped: list[InputError]
    sheet: Path


def translate_folder(
    model: str | PathLike[str],
    inputs: str | PathLike[str],
    out: str | PathLike[str],
    *,
    guide: str | PathLike[str] | None = None,
    direction: Direction = "a2b",
    size: int | None = None,
    on_image: Callable[[int, int], None] = lambda done, of: None,
) -> Translated:
    """Translate all image files of a folder, by name, into PNG files of the same names.

    Files of these names in `out` are replaced. A contact sheet among the inputs is left out, and the
    one that is written shows the first twelve.

    Images are brought to a square without cropping, bilinearly with antialiasing, as the loaders of
    training data do, upright as their EXIF data say, of an animation the first one. Transparent pixels become white; a translator of
    colour images is given grey ones as colour images, one of grey images all as grey ones.

    Args:
        model: The folder with `model.json`, or the end of its path below `runs/`, such as
            `3ds-a/rift`.
        inputs: The folder; subfolders are not read.
        out: The folder to write to, made if absent.
        guide: An image of the target domain for all, or a folder of which each input gets the next
            one; for translators that take one.
        direction: "a2b" or "b2a".
        size: Side of the images; by default that of the training, where the model's record has it.
        on_image: Called with the number of files done, and of all.

    Raises:
        InputError: Nothing can be read, the translator needs a guide, an input or guide lies in `out`, the side is unknown or not
            one that the translator takes, or there is a file in the place of `out`.
    """
    into(direction)
    home = find_model(model)
    translator = as_used(home)
    channels = translator.config["channels"]
    side = size or translator.config.get("side") or _trained_side(home)
    _check_side(translator, side, direction)
    files = [path for path in images_in(Path(inputs)) if path.name != SHEET]
    if guide is not None:
        refuse_inputs(out, guide, Path(guide).parent if Path(guide).is_file() else guide)
    target = made_folder(out)
    _refuse_overwriting(files, target)
    skipped: list[InputError] = []
    guides = None if guide is None else _guides(Path(guide), side, channels, skipped)
    written: list[Path] = []
    shown: list[Tensor] = []
    for start in range(0, len(files), _BATCH):
        part, rows = files[start : start + _BATCH], []
        for path in part:
            try:
                rows.append((path, read_square(path, side, channels)))
            except InputError as error:
                skipped.append(error)
        if rows:
            sources = torch.stack([image for _, image in rows])
            chosen = (len(written) + torch.arange(len(rows))) % (
                1 if guides is None else len(guides)
            )
            leading = None if guides is None else guides[chosen]
            moved = translate_bytes(translator, sources, direction, leading)
            if not written:
                shown = [x for x in (sources, leading, moved) if x is not None]
            for (path, _), image in zip(rows, moved, strict=True):
                written.append(target / f"{path.stem}.png")
                _picture(image).save(written[-1])
        on_image(start + len(part), len(files))
    if not written:
        kinds = ", ".join(sorted(SUFFIXES))
        raise InputError(inputs, "holds no readable image", mend=f"give a folder of {kinds} files")
    _picture(torch.cat([torch.cat([*row], -1) for row in shown], -2)).save(target / SHEET)
    return Translated(written, skipped, target / SHEET)


def find_model(model: str | PathLike[str]) -> Path:
    """The folder of a stored model, given itself or the end of its path below `runs/`.

    Raises:
        InputError: There is none, or several.
    """
    given = Path(model)
    if (given / CONFIG).is_file():
        return given
    parts = given.parts
    found = [
        path.parent
        for path in sorted(Path("runs").glob(f"**/{CONFIG}"))
        if path.parent.parts[-len(parts) :] == parts
    ]
    if len(found) != 1:
        problem = "is several: " + ", ".join(map(str, found)) if found else "is no stored model"
        raise InputError(given, problem, mend=f"give the folder that holds {CONFIG}")
    return found[0]


def read_square(path: Path, side: int, channels: int = 3) -> Tensor:
    """An image file as bytes `(channels, side, side)`; transparent pixels white, grey ones grey.

    Raises:
        InputError: The file is absent, or is no image or a damaged one.
    """
    square = read_image(path).convert("L" if channels == 1 else "RGB")
    pixels = np.asarray(square.resize((side, side), Image.Resampling.BILINEAR))
    return torch.from_numpy(pixels.copy()).view(side, side, channels).permute(2, 0, 1)


def _refuse_overwriting(files: list[Path], out: Path) -> None:
    """Refuse two inputs that would be written to one file, or to the place of an input."""
    stems: dict[str, Path] = {}
    for path in files:
        if path.parent.resolve() == out.resolve():
            raise InputError(out, "is the folder of the inputs", mend="give another one")
        if stems.setdefault(path.stem, path) != path:
            problem = f"has the name of {stems[path.stem].name}"
            raise InputError(path, problem, mend="rename one of the two")


def _check_side(translator: Translator, side: int, direction: Direction) -> None:
    """Refuse a side that the translator does not take, by what it makes of a blank image."""
    trained = translator.config.get("side", side)
    if side != trained:
        raise InputError(
            "size", f"is {side}, the model takes {trained} only", mend=f"use {trained}"
        )
    blank = torch.zeros(1, translator.config["channels"], side, side, dtype=torch.uint8)
    try:
        translate_bytes(translator, blank, direction, blank)
    except (RuntimeError, ValueError) as error:
        problem = f"is {side}, which the model does not take"
        mend = "use a multiple of 4, best a power of 2, such as 32"
        raise InputError("size", problem, mend=mend) from error


def _picture(image: Tensor) -> Image.Image:
    """Bytes `(channels, height, width)`, 1 or 3 channels."""
    return Image.fromarray(image.permute(1, 2, 0).squeeze(2).numpy())


def _guides(path: Path, side: int, channels: int, skipped: list[InputError]) -> Tensor:
    """The guides, bytes `(n, channels, side, side)`; unreadable ones of a folder are skipped."""
    if not path.is_dir():
        return read_square(path, side, channels)[None]
    images = []
    for file in images_in(path):
        try:
            images.append(read_square(file, side, channels))
        except InputError as error:
            skipped.append(error)
    if not images:
        raise InputError(path, "holds no readable guide", mend="give image files")
    return torch.stack(images)


def _trained_side(home: Path) -> int:
    """The side of the images that the model's record says it was trained with."""
    try:
        names = record.read(home / record.NAME).inputs
        table = next(Path(name) for name in names if name.endswith("train.parquet"))
        return int(image_domains(table)[0].values.shape[1])
    except (InputError, OSError, ValueError, StopIteration) as error:
        raise InputError(
            home, "does not say which side its images had", mend="give it with --size"
        ) from error
