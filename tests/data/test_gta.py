from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isthmus.data import gta
from isthmus.errors import InputError

WIDE = (96, 48)


def label(path: Path, left: tuple[int, ...], right: tuple[int, ...], *, indexed: bool) -> None:
    image = Image.new("RGB", WIDE, right)
    image.paste(left, (0, 0, WIDE[0] // 2, WIDE[1]))
    if indexed:
        image = image.convert("P", palette=Image.Palette.ADAPTIVE, colors=4)
    image.save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part in (gta.FRAMES, gta.LABELS):
        (tmp_path / part).mkdir()
    for number, grey in ((2, 180), (1, 60)):
        Image.new("RGB", WIDE, (grey,) * 3).save(tmp_path / gta.FRAMES / f"0000{number}.png")
    road, sky, static = (128, 64, 128), (70, 130, 180), (20, 20, 20)
    label(tmp_path / gta.LABELS / "00001.png", road, sky, indexed=True)
    label(tmp_path / gta.LABELS / "00002.png", sky, static, indexed=False)
    return tmp_path


def test_frames_come_with_their_labels_in_known_colours(folder: Path) -> None:
    table = gta.load(folder, 16)
    assert table.values.shape == (4, 16, 16, 3)
    assert table.factors["domain"].tolist() == [0, 0, 1, 1]
    assert table.values[:2, 0, 0, 0].tolist() == [60, 180]
    expected = [["road", "sky"], ["sky", "void"]]
    for image, names in zip(table.values[2:], expected, strict=True):
        for half, name in ((image[:, :8], names[0]), (image[:, 8:], names[1])):
            assert (half == gta.PALETTE[gta.CLASSES.index(name)]).all()


def test_the_palette() -> None:
    assert len(gta.CLASSES) == len(gta.PALETTE) == 20
    assert len(np.unique(gta.PALETTE, axis=0)) == 20
    assert gta.PALETTE[gta.CLASSES.index("sidewalk")].tolist() == [244, 35, 232]


def test_labels_in_other_colours_are_refused(folder: Path) -> None:
    path = folder / gta.LABELS / "00002.png"
    label(path, (7, 7, 7), (0, 0, 0), indexed=False)
    with pytest.raises(InputError, match="#070707") as error:
        gta.load(folder, 16)
    assert error.value.where == str(path)


def test_what_is_missing_is_named(folder: Path) -> None:
    (folder / gta.LABELS / "00002.png").unlink()
    with pytest.raises(InputError, match="no partner") as error:
        gta.load(folder, 16)
    assert error.value.where == str(folder / gta.FRAMES / "00002.png")
    with pytest.raises(InputError, match="holds no frames"):
        gta.load(folder / gta.FRAMES, 16)
    with pytest.raises(InputError, match="is 300 pixels"):
        gta.load(folder, 300)
