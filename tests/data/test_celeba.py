from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isthmus.data import celeba
from isthmus.errors import InputError

NAMES = (
    *("5_o_Clock_Shadow", "Arched_Eyebrows", "Attractive", "Bags_Under_Eyes", "Bald", "Bangs"),
    *("Big_Lips", "Big_Nose", "Black_Hair", "Blond_Hair", "Blurry", "Brown_Hair"),
    *("Bushy_Eyebrows", "Chubby", "Double_Chin", "Eyeglasses", "Goatee", "Gray_Hair"),
    *("Heavy_Makeup", "High_Cheekbones", "Male", "Mouth_Slightly_Open", "Mustache", "Narrow_Eyes"),
    *("No_Beard", "Oval_Face", "Pale_Skin", "Pointy_Nose", "Receding_Hairline", "Rosy_Cheeks"),
    *("Sideburns", "Smiling", "Straight_Hair", "Wavy_Hair", "Wearing_Earrings", "Wearing_Hat"),
    *("Wearing_Lipstick", "Wearing_Necklace", "Wearing_Necktie", "Young"),
)
FEMALE = {"Heavy_Makeup", "No_Beard", "Smiling", "Young"}
WOMAN = FEMALE | {"Blond_Hair"}
MAN = {"Male", "Black_Hair"}
BASE = [WOMAN, MAN] * 3


def row(number: int, marked: set[str]) -> str:
    values = " ".join("1" if name in marked else "-1" for name in NAMES)
    return f"{number:06d}.jpg  {values}"


def face(path: Path, size: tuple[int, int] = (178, 218), grey: int = 90) -> None:
    """A red frame above and below the 178 rows that are kept, grey between them."""
    pixels = np.full((218, 178, 3), grey, dtype=np.uint8)
    pixels[:20] = pixels[198:] = (255, 0, 0)
    image = Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST)
    image.save(path, quality=100, subsampling=0)


def layout(folder: Path, people: list[set[str]], parts: list[int]) -> None:
    (folder / celeba.IMAGES).mkdir()
    lines = [row(number, marked) for number, marked in enumerate(people, 1)]
    head = [str(len(people)), " ".join(NAMES)]
    (folder / celeba.ATTRIBUTES).write_text("\n".join([*head, *lines]) + "\n")
    listed = [f"{number:06d}.jpg {part}" for number, part in enumerate(parts, 1)]
    (folder / celeba.PARTITION).write_text("\n".join(listed) + "\n")
    for number in range(1, len(people) + 1):
        face(folder / celeba.IMAGES / f"{number:06d}.jpg", grey=60 + number)


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    layout(tmp_path, BASE, [0, 0, 1, 1, 2, 2])
    return tmp_path


def test_the_split_follows_the_attributes(tmp_path: Path) -> None:
    people = [
        WOMAN,
        FEMALE | {"Brown_Hair", "Eyeglasses"},
        FEMALE | {"Black_Hair", "Wearing_Hat", "Pale_Skin"},
        MAN | {"No_Beard", "Smiling"},
        MAN | {"Goatee", "Young"},
        WOMAN - {"Smiling"},
        WOMAN - {"Young"},
        WOMAN - {"Heavy_Makeup"},
        WOMAN - {"No_Beard"},
        WOMAN | {"Brown_Hair"},
        FEMALE,
        WOMAN | {"Gray_Hair"},
        {"Male", "Brown_Hair"},
        MAN | {"Bald"},
    ]
    layout(tmp_path, people + BASE[:4], [0] * len(people) + [1, 1, 2, 2])
    tables = celeba.load(tmp_path, 32)
    assert list(tables) == ["train", "validation", "test"]
    assert {name: codes.tolist() for name, codes in tables["train"].factors.items()} == {
        "domain": [0, 0, 0, 1, 1],
        "hair_colour": [1, 2, 0, 0, 0],
        "facial_hair": [0, 0, 0, 0, 1],
        "smiling": [1, 1, 1, 1, 0],
        "young": [1, 1, 1, 0, 1],
        "eyeglasses": [0, 1, 0, 0, 0],
        "hat": [0, 0, 1, 0, 0],
        "pale_skin": [0, 0, 1, 0, 0],
    }
    assert tables["train"].levels["hair_colour"] == ("black", "blond", "brown")
    assert [len(tables[part]) for part in tables] == [5, 2, 2]
    assert np.abs(tables["test"].values[:, 16, 16, 0] - np.array([77, 78])).max() <= 1


def test_the_square_below_row_20_is_kept(folder: Path) -> None:
    face(folder / celeba.IMAGES / "000002.jpg", (356, 436), grey=61)
    first, second = celeba.load(folder, 64)["train"].values.astype(int)
    assert first.shape == (64, 64, 3)
    assert np.abs(first - 61).max() < 25 and np.abs(first[2:-2] - 61).max() <= 2
    assert np.abs(second[2:-2] - 61).max() <= 2


@pytest.mark.parametrize(
    "name", [celeba.ATTRIBUTES, celeba.PARTITION, "img_align_celeba/000003.jpg"]
)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(InputError) as error:
        celeba.load(folder, 32)
    assert error.value.where == str(folder / name)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("000003.jpg  -1", "000003.jpg  0", "line 5"),
        ("000003.jpg  -1", "000003.jpg ", "line 5"),
        ("000003.jpg  -1", "000003.jpg -1 -1", "line 5"),
        ("6\n5_o", "7\n5_o", "line 1"),
        ("6\n5_o", "six\n5_o", ""),
        ("Heavy_Makeup", "Makeup", "line 2"),
        ("Young\n", "Young Old\n", "line 2"),
    ],
)
def test_damaged_attributes(folder: Path, old: str, new: str, field: str) -> None:
    replace(folder / celeba.ATTRIBUTES, old, new)
    with pytest.raises(InputError) as error:
        celeba.load(folder, 32)
    assert (error.value.where, error.value.field) == (str(folder / celeba.ATTRIBUTES), field)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("000004.jpg 1", "000004.jpg 3", "line 4"),
        ("000004.jpg 1", "000004.jpg", "line 4"),
        ("000004.jpg 1", "000014.jpg 1", "line 4"),
        ("000004.jpg 1\n", "", ""),
    ],
)
def test_a_damaged_partition(folder: Path, old: str, new: str, field: str) -> None:
    replace(folder / celeba.PARTITION, old, new)
    with pytest.raises(InputError) as error:
        celeba.load(folder, 32)
    assert (error.value.where, error.value.field) == (str(folder / celeba.PARTITION), field)


def test_files_that_are_no_text_and_no_image(folder: Path) -> None:
    path = folder / celeba.IMAGES / "000005.jpg"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(InputError, match="no readable image") as error:
        celeba.load(folder, 32)
    assert error.value.where == str(path)
    (folder / celeba.ATTRIBUTES).write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="no text"):
        celeba.load(folder, 32)


def test_a_part_without_a_domain_is_refused(folder: Path) -> None:
    replace(folder / celeba.PARTITION, "000006.jpg 2", "000006.jpg 1")
    with pytest.raises(InputError, match="no face of domain b in the test part"):
        celeba.load(folder, 32)


@pytest.mark.parametrize("size", [8, 512])
def test_sizes_that_are_refused(folder: Path, size: int) -> None:
    with pytest.raises(InputError, match=f"is {size} pixels"):
        celeba.load(folder, size)
