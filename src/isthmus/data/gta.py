"""GTA V frames and their segmentations (Richter et al., "Playing for Data", ECCV 2016).

The data are for research: the user brings a copy. Labels are images in the colours of Cityscapes,
of which the 19 classes that are commonly evaluated are kept.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from isthmus.data.aligned_pairs import images_in
from isthmus.data.paired import two_domains
from isthmus.data.rendering import rgb
from isthmus.data.synaction import check_size, read_image
from isthmus.data.table import Table
from isthmus.errors import InputError

FRAMES, LABELS = "images", "labels"
_COLOURS = {
    "road": "#804080",
    "sidewalk": "#f423e8",
    "building": "#464646",
    "wall": "#66669c",
    "fence": "#be9999",
    "pole": "#999999",
    "traffic light": "#faaa1e",
    "traffic sign": "#dcdc00",
    "vegetation": "#6b8e23",
    "terrain": "#98fb98",
    "sky": "#4682b4",
    "person": "#dc143c",
    "rider": "#ff0000",
    "car": "#00008e",
    "truck": "#000046",
    "bus": "#003c64",
    "train": "#005064",
    "motorcycle": "#0000e6",
    "bicycle": "#770b20",
    "void": "#000000",
}
CLASSES = tuple(_COLOURS)
"""The classes of a pixel, in the order of their codes; void is everything else."""
PALETTE: npt.NDArray[np.uint8] = np.stack([rgb(c) for c in _COLOURS.values()]).astype(np.uint8)
"""The colour of each class in a segmentation, `(20, 3)`."""

_VOID = CLASSES.index("void")


def load(folder: str | Path, size: int) -> Table:
    """Frames (A) and segmentations (B) as colour images of one size, in the order of their names.

    Both are brought to a square without cropping: frames bilinearly with antialiasing, labels by
    the nearest pixel, so that no colour is mixed. A label colour of no class becomes void, black.

    Args:
        folder: Holds `images/` and `labels/` with files of the same names, such as `00001.png`;
            labels are indexed or plain colour images.
        size: Side of the images in pixels.

    Returns:
        Images uint8 `(n, size, size, 3)` with the factor `domain`: the frames (a) before the
        segmentations (b), in the same order, the latter in the colours of `PALETTE` alone.

    Raises:
        InputError: The size makes no sense, there are no frames, a frame has no label or a label
            no frame, a file is damaged, or labels are in other colours.
    """
    check_size("gta", size)
    folder = Path(folder)
    frames, labels = (
        {path.stem: path for path in images_in(folder / part)} for part in (FRAMES, LABELS)
    )
    if not frames:
        raise InputError(folder / FRAMES, "holds no frames", mend="give the folder above it")
    alone = sorted(frames.keys() ^ labels.keys())
    if alone:
        path = frames.get(alone[0]) or labels[alone[0]]
        raise InputError(path, "has no partner", mend=f"keep the same names in {FRAMES}, {LABELS}")
    a = np.stack([_resized(path, size, Image.Resampling.BILINEAR) for path in frames.values()])
    b = np.stack([_label(labels[name], size) for name in frames])
    return two_domains(*(x.transpose(0, 3, 1, 2) for x in (a, b)), source="GTA V")


def _resized(path: Path, size: int, how: Image.Resampling) -> npt.NDArray[np.uint8]:
    return np.asarray(read_image(path).resize((size, size), how))


def _label(path: Path, size: int) -> npt.NDArray[np.uint8]:
    """A label `(size, size, 3)` in the colours of the palette."""
    pixels = _resized(path, size, Image.Resampling.NEAREST)
    known = (pixels[..., np.newaxis, :] == PALETTE).all(-1)
    other = ~known.any(-1)
    if other.any() and not known[..., :_VOID].any():
        colour = "#" + bytes(pixels[other][0]).hex()
        mend = "give labels in the colours of Cityscapes"
        raise InputError(path, f"has no colour of a class, but such as {colour}", mend=mend)
    known[..., _VOID] |= other
    return PALETTE[known.argmax(-1)]
