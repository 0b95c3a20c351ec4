"""Folders, lists and predictions of VisDA: a generated folder comes back, bad files are named."""

from __future__ import annotations

import numpy as np
import pytest

from isthmus.adaptation.benchmark import Training, adapt
from isthmus.data import visda
from isthmus.data.table import Table
from isthmus.errors import InputError


@pytest.fixture
def folder(tmp_path):
    labels = np.array([3, 0, 11, 7, 7], np.int64)
    values = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3)).astype(np.uint8)
    table = Table(
        kind="images",
        values=values,
        factors={"class": labels},
        levels={"class": visda.CLASSES},
        source="noise",
    )
    visda.write_folder(table, tmp_path / "validation")
    return table, tmp_path / "validation"


def test_a_generated_folder_comes_back(folder):
    table, path = folder
    assert (path / "car" / "000000.png").is_file()
    assert (path / "image_list.txt").read_text().startswith("car/000000.png 3\n")
    found = visda.load(path, 8)
    assert np.array_equal(found.values, table.values)
    assert np.array_equal(found.factors["class"], table.factors["class"])
    assert found.levels["class"] == visda.CLASSES


def test_a_part_of_a_folder_is_spread_over_its_list(folder):
    table, path = folder
    found = visda.load(path, 4, most=2)
    assert found.shape == (4, 4, 3)
    assert found.factors["class"].tolist() == table.factors["class"][[0, 2]].tolist()


@pytest.mark.parametrize("between", [" ", "\t", " \t "])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_lists_may_have_tabs_and_a_byte_order_mark(tmp_path, between, mark):
    path = tmp_path / "image_list.txt"
    path.write_text(f"{mark}a b/0.png{between}3\nc.png{between}0\n", encoding="utf-8")
    found = visda.read_image_list(path)
    assert found.paths == ("a b/0.png", "c.png")
    assert found.labels.tolist() == [3, 0]


def test_a_list_without_classes_gives_a_target_without_the_factor(folder):
    table, path = folder
    names = visda.read_image_list(path / "image_list.txt").paths
    (path / "image_list.txt").write_text("\n".join(names) + "\n")
    with pytest.raises(InputError, match="line 1"):
        visda.load(path, 8)
    found = visda.load(path, 8, labelled=False)
    assert np.array_equal(found.values, table.values)
    assert not found.factors


def test_an_adapter_works_on_folders_with_a_target_that_has_no_classes(folder):
    _, path = folder
    source = visda.load(path, 16)
    names = visda.read_image_list(path / "image_list.txt").paths
    (path / "image_list.txt").write_text("\n".join(names))
    target = visda.load(path, 16, labelled=False)
    training = Training(width=4, features=4, steps=2, batch_size=4, learning_rate=1e-3)
    found = adapt(
        "dann",
        source,
        {"test": target},
        source,
        options={"weight": 0.1},
        training=training,
        seed=0,
    )
    assert found["test"].shape == (5, 12)
    assert found["test"].isfinite().all()


def test_a_missing_or_damaged_image_is_named(folder):
    _, path = folder
    (path / "car" / "000000.png").unlink()
    with pytest.raises(InputError, match=r"line 1: names car/000000.png, which is not there"):
        visda.load(path, 8)
    (path / "car" / "000000.png").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"000000.png: cannot be read as an image"):
        visda.load(path, 8)


def test_predictions_come_back(tmp_path):
    visda.write_predictions(tmp_path / "p.txt", np.array([0, 12, 5]))
    assert (tmp_path / "p.txt").read_text() == "0\n12\n5\n"
    found = visda.read_predictions(tmp_path / "p.txt", count=3, classes=13)
    assert found.tolist() == [0, 12, 5]


def test_a_path_may_hold_blanks(tmp_path):
    (tmp_path / "l.txt").write_text("a b/c.png 4\n")
    assert visda.read_image_list(tmp_path / "l.txt").paths == ("a b/c.png",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1\n2\n", "line 3: has 2 lines for 3 images"),
        ("1\n2\n3\n4\n", "line 4: has 4 lines for 3 images"),
        ("1\ntwo\n3\n", "line 2: 'two' is not an integer"),
        ("1\n\n3\n", "line 2: '' is not an integer"),
        ("1\n-2\n3\n", "line 2: '-2' is not an integer"),
        ("1\n2\n12\n", "line 3: 12 is not a class.*or score the open set"),
        ("", "is empty"),
    ],
)
def test_predictions_that_cannot_be_used_are_refused(tmp_path, text, said):
    path = tmp_path / "p.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=said) as refused:
        visda.read_predictions(path, count=3)
    assert refused.value.where == str(path)
    assert refused.value.mend


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a.png 1\nb.png\n", "line 2: 'b.png' is not a path, a blank and a class"),
        ("a.png 13\n", "line 1: 13 is not a class"),
        ("", "is empty"),
    ],
)
def test_lists_that_cannot_be_used_are_refused(tmp_path, text, said):
    path = tmp_path / "image_list.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        visda.read_image_list(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone.txt: the file is missing"):
        visda.read_predictions(tmp_path / "gone.txt", count=1)
