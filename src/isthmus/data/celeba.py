"""CelebA faces (Liu et al., ICCV 2015), split into female (A) and male (B) faces.

The split follows "Evaluation of Correctness in Unsupervised Many-to-Many Image Translation"
(Bashkirova, Usman, Saenko, WACV 2022): the colour of the hair varies in A only, facial hair,
smiling and age in B only. Its lists of images are not public, so it is rebuilt from the attributes.
The data are for non-commercial research: the user brings a copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from isthmus.data.synaction import DOMAINS, Domain, check_size, read_image
from isthmus.data.table import Table
from isthmus.errors import InputError

Codes = npt.NDArray[np.int64]

ATTRIBUTES = "list_attr_celeba.txt"
PARTITION = "list_eval_partition.txt"
IMAGES = "img_align_celeba"
PARTS = ("train", "validation", "test")
"""The official parts, in the order of their numbers in the partition file."""

LEVELS = {
    "domain": DOMAINS,
    "hair_colour": ("black", "blond", "brown"),
    "facial_hair": ("no", "yes"),
    "smiling": ("no", "yes"),
    "young": ("no", "yes"),
    "eyeglasses": ("no", "yes"),
    "hat": ("no", "yes"),
    "pale_skin": ("no", "yes"),
}
"""The factors of an image and the names of their levels."""
SHARED = ("eyeglasses", "hat", "pale_skin")
"""Annotated factors that vary in both domains, as do pose and background, which are not annotated."""
SPECIFIC: Mapping[Domain, tuple[str, ...]] = {
    "a": ("hair_colour",),
    "b": ("facial_hair", "smiling", "young"),
}
"""Factors that vary in one domain only."""
FIXED: Mapping[Domain, Mapping[str, int]] = {
    "a": {"facial_hair": 0, "smiling": 1, "young": 1},
    "b": {"hair_colour": 0},
}
"""The code of what does not vary in a domain; female faces also wear heavy make-up."""

_BINARY = {
    "smiling": "Smiling",
    "young": "Young",
    "eyeglasses": "Eyeglasses",
    "hat": "Wearing_Hat",
    "pale_skin": "Pale_Skin",
}
_HAIR = ("Black_Hair", "Blond_Hair", "Brown_Hair")
_NO_HAIR_COLOUR = ("Gray_Hair", "Bald")
_NEEDED = {*_BINARY.values(), *_HAIR, *_NO_HAIR_COLOUR, "Male", "No_Beard", "Heavy_Makeup"}
_COUNT = 40
_WIDTH, _HEIGHT, _TOP = 178, 218, 20


def load(folder: str | Path, size: int) -> dict[str, Table]:
    """The faces of both domains as colour images of one size, in the official order.

    A face belongs to a domain if exactly one of the hair colours black, blond and brown is marked,
    neither grey nor bald, and

    - A: female, young, smiling, with heavy make-up and no beard;
    - B: male, with black hair.

    An image is brought to 178 x 218 pixels if it has another size, cropped to the 178 x 178 from
    row 20 on, and resampled bilinearly with antialiasing, as published for RIFT.

    Args:
        folder: Holds `img_align_celeba/`, `list_attr_celeba.txt` and `list_eval_partition.txt`.
        size: Side of the images in pixels; 64 as published.

    Returns:
        Tables `train`, `validation` and `test`, the official parts: images uint8
        `(n, size, size, 3)` and the factors of `LEVELS`, where facial hair is the contrary of the
        attribute No_Beard.

    Raises:
        InputError: The size makes no sense, a file is absent or damaged, the two lists name
            different images, or a part has no face of one domain.
    """
    check_size("celeba", size)
    folder = Path(folder)
    names, attributes = read_attributes(folder / ATTRIBUTES)
    parts = read_partition(folder / PARTITION, names)
    factors, chosen = _factors(attributes)
    tables = {}
    for number, part in enumerate(PARTS):
        rows = np.flatnonzero(chosen & (parts == number))
        for code, domain in enumerate(DOMAINS):
            if code not in factors["domain"][rows]:
                raise InputError(
                    folder / ATTRIBUTES,
                    f"marks no face of domain {domain} in the {part} part",
                    mend="give all of the official lists",
                )
        tables[part] = Table(
            kind="images",
            values=np.stack([_face(folder / IMAGES / names[row], size) for row in rows]),
            factors={name: codes[rows] for name, codes in factors.items()},
            levels=dict(LEVELS),
            value_range=(0.0, 255.0),
            source=f"CelebA, female and male faces, {part} part",
        )
    return tables


def read_attributes(path: Path) -> tuple[list[str], dict[str, npt.NDArray[np.bool_]]]:
    """Read `list_attr_celeba.txt`: the count, forty names, then a file name and forty -1 or 1 each.

    Returns:
        The file names, and whether each image `(n,)` has an attribute, by the attribute's name.

    Raises:
        InputError: The file is absent or damaged.
    """
    lines = _lines(path)
    if len(lines) < 3 or not lines[0].strip().isdigit():
        problem = "does not begin with the number of images and the attributes' names"
        raise InputError(path, problem, mend="give the official file")
    attributes = lines[1].split()
    missing = _NEEDED - set(attributes)
    if len(attributes) != _COUNT or missing:
        problem = f"names {len(attributes)} attributes, without {', '.join(sorted(missing)) or '-'}"
        raise InputError(path, problem, field="line 2", mend="give the official file")
    if len(lines) - 2 != int(lines[0]):
        problem = f"promises {int(lines[0])} images and lists {len(lines) - 2}"
        raise InputError(path, problem, field="line 1", mend="fetch the file again")
    names = []
    marks = np.empty((len(lines) - 2, _COUNT), dtype=np.bool_)
    for row, line in enumerate(lines[2:]):
        name, *values = line.split() or [""]
        if len(values) != _COUNT or not set(values) <= {"-1", "1"}:
            problem = f"is not a file name and {_COUNT} values -1 or 1"
            raise InputError(path, problem, field=f"line {row + 3}", mend="fetch the file again")
        names.append(name)
        marks[row] = [value == "1" for value in values]
    return names, dict(zip(attributes, marks.T, strict=True))


def read_partition(path: Path, names: list[str]) -> Codes:
    """Read `list_eval_partition.txt`: a file name and 0 (train), 1 (validation) or 2 (test) each.

    Args:
        path: The file.
        names: The file names that it must list, in this order.

    Returns:
        The part of each image, `(n,)`.

    Raises:
        InputError: The file is absent or damaged, or names other images.
    """
    lines = _lines(path)
    if len(lines) != len(names):
        problem = f"lists {len(lines)} images, the attributes are of {len(names)}"
        raise InputError(path, problem, mend="give both official files")
    parts = np.empty(len(names), dtype=np.int64)
    for row, (line, name) in enumerate(zip(lines, names, strict=True)):
        match line.split():
            case [found, "0" | "1" | "2" as part] if found == name:
                parts[row] = int(part)
            case _:
                problem = f"is not {name} and a number from 0 to 2"
                raise InputError(path, problem, field=f"line {row + 1}", mend="fetch it again")
    return parts


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(path, f"is no text ({error})", mend="fetch the file again") from error
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error})"
        raise InputError(path, problem, mend="put the official file there") from error


def _factors(
    attributes: Mapping[str, npt.NDArray[np.bool_]],
) -> tuple[dict[str, Codes], npt.NDArray[np.bool_]]:
    """The codes of every image, and which images are in one of the domains."""
    hair = np.stack([attributes[name] for name in _HAIR])
    one_colour = (hair.sum(axis=0) == 1) & ~np.any(
        [attributes[name] for name in _NO_HAIR_COLOUR], axis=0
    )
    codes = {"domain": attributes["Male"], "hair_colour": hair.argmax(axis=0)}
    codes |= {"facial_hair": ~attributes["No_Beard"]}
    codes |= {name: attributes[attribute] for name, attribute in _BINARY.items()}
    factors = {name: codes[name].astype(np.int64) for name in LEVELS}

    def fits(domain: Domain) -> npt.NDArray[np.bool_]:
        fixed = [factors[name] == code for name, code in FIXED[domain].items()]
        return np.all([factors["domain"] == DOMAINS.index(domain), *fixed], axis=0)

    female, male = fits("a") & attributes["Heavy_Makeup"], fits("b")
    return factors, one_colour & (female | male)


def _face(path: Path, size: int) -> npt.NDArray[np.uint8]:
    image = read_image(path)
    if image.size != (_WIDTH, _HEIGHT):
        image = image.resize((_WIDTH, _HEIGHT), Image.Resampling.BILINEAR)
    square = image.crop((0, _TOP, _WIDTH, _TOP + _WIDTH))
    return np.asarray(square.resize((size, size), Image.Resampling.BILINEAR))
