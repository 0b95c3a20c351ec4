from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isthmus.data import aligned_pairs
from isthmus.errors import InputError

COLOURS = {"10.jpg": ("#204060", "#f0e8d8"), "2.jpg": ("#507040", "#c0d8a0")}


def write(path: Path, left: str, right: str, side: int = 60) -> None:
    image = Image.new("RGB", (2 * side, side), right)
    image.paste(left, (0, 0, side, side))
    image.save(path, quality=95)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, colours in COLOURS.items():
        write(tmp_path / name, *colours)
    (tmp_path / "notes.txt").write_text("not an image")
    return tmp_path


def test_left_is_a_and_right_is_b_in_the_order_of_the_names(folder: Path) -> None:
    table = aligned_pairs.load(folder, 16)
    assert table.values.shape == (4, 16, 16, 3)
    assert table.factors["domain"].tolist() == [0, 0, 1, 1]
    expected = [COLOURS[name][side] for side in (0, 1) for name in sorted(COLOURS)]
    for image, colour in zip(table.values.astype(int), expected, strict=True):
        inner = image[:, 1:-1] - np.array(list(bytes.fromhex(colour[1:])))
        assert np.abs(inner).max() < 8


def test_resampling_stays_in_its_half(tmp_path: Path) -> None:
    write(tmp_path / "1.png", "#000000", "#ffffff", side=600)
    a, b = aligned_pairs.load(tmp_path, 32).values
    assert a.max() == 0 and b.min() == 255


def test_what_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="is 8 pixels"):
        aligned_pairs.load(folder, 8)
    for empty in (folder / "absent", folder / "train"):
        with pytest.raises(InputError, match="holds no images"):
            aligned_pairs.load(empty, 16)
        (folder / "train").mkdir(exist_ok=True)
    Image.new("RGB", (60, 60)).save(folder / "3.png")
    with pytest.raises(InputError, match="60 x 60") as error:
        aligned_pairs.load(folder, 16)
    assert error.value.where == str(folder / "3.png")
    (folder / "3.png").write_bytes(b"no image")
    with pytest.raises(InputError, match="no readable image"):
        aligned_pairs.load(folder, 16)
