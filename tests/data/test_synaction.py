from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isthmus.data import synaction
from isthmus.errors import InputError


def still(
    folder: Path, name: str, colour: tuple[int, int, int] = (9, 99, 199), side: int = 40
) -> None:
    folder.mkdir(exist_ok=True)
    Image.new("RGB", (side, side), colour).save(folder / name)


def name(identity: int, sequence: int, take: int, background: int, frame: int) -> str:
    return "".join(f"{part:03d}" for part in (identity, sequence, take, background, frame)) + ".png"


def test_factors_are_read_off_the_names(tmp_path: Path) -> None:
    still(tmp_path / "B", name(9, 39, 2, 0, 60), (1, 2, 3), side=71)
    still(tmp_path / "A", name(0, 39, 2, 8, 60), (4, 5, 6), side=128)
    still(tmp_path / "A", name(0, 0, 1, 1, 10), (7, 8, 9), side=20)
    (tmp_path / "attributes.txt").write_text("not a still")
    table = synaction.load(tmp_path, 32)
    assert table.values.shape == (3, 32, 32, 3)
    assert table.values[:, 5, 5].tolist() == [[7, 8, 9], [4, 5, 6], [1, 2, 3]]
    assert {name: codes.tolist() for name, codes in table.factors.items()} == {
        "domain": [0, 0, 1],
        "identity": [0, 0, 9],
        "background": [1, 8, 0],
        "pose": [0, 1, 1],
    }
    assert table.levels["pose"] == ("000-001-010", "039-002-060")
    assert table.levels["identity"][9] == "009"


def test_stills_are_averaged_down(tmp_path: Path) -> None:
    pixels = np.zeros((64, 64, 3), dtype=np.uint8)
    pixels[:, ::2] = 200
    Image.fromarray(pixels).save(tmp_path / name(0, 0, 0, 1, 0))
    values = synaction.load(tmp_path, 16).values
    assert np.abs(values[0, :, 2:-2].astype(int) - 100).max() <= 10


@pytest.mark.parametrize(
    ("stem", "problem"),
    [
        ("00000000000100", "15 digits"),
        ("0000000000010000", "15 digits"),
        ("frame", "15 digits"),
        ("000000000000000", "neither domain"),
        ("003000000002000", "neither domain"),
        ("010000000000000", "neither domain"),
        ("000000000009000", "neither domain"),
    ],
)
def test_names_that_are_refused(tmp_path: Path, stem: str, problem: str) -> None:
    still(tmp_path, f"{stem}.png")
    with pytest.raises(InputError, match=problem) as error:
        synaction.load(tmp_path, 32)
    assert error.value.where.endswith(f"{stem}.png")


def test_a_damaged_still_is_named(tmp_path: Path) -> None:
    path = tmp_path / name(0, 0, 0, 1, 0)
    Image.effect_noise((64, 64), 50).save(path)
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(InputError, match="no readable image") as error:
        synaction.load(tmp_path, 32)
    assert error.value.where == str(path)


def test_nothing_to_load(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no stills"):
        synaction.load(tmp_path / "absent", 32)
    with pytest.raises(InputError, match="is not there"):
        synaction.read_image(tmp_path / "absent.png")


@pytest.mark.parametrize("size", [0, 15, 257])
def test_sizes_that_are_refused(tmp_path: Path, size: int) -> None:
    still(tmp_path, name(0, 0, 0, 1, 0))
    with pytest.raises(InputError, match=f"is {size} pixels"):
        synaction.load(tmp_path, size)
