from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isthmus.attributes.moments import rotation, size
from isthmus.data import mnist, puppets
from isthmus.data.puppets import MEMBERS, Puppets, stack, unstack
from isthmus.data.table import Table, read_table, write_table
from isthmus.errors import InputError

SMALL = {"real_train": 100, "triplets": 40, "sequences": 3}


RELEASED = {"far": False, "real_test": 5} | SMALL


@pytest.fixture(autouse=True, scope="module")
def few_digits() -> Iterator[None]:
    """The packaged digits are read once, and a tenth of them is kept."""
    images, digits = mnist._packaged()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mnist, "_packaged", lambda: (images[::10], digits[::10]))
        yield


def load(tmp_path: Path, **options: object) -> Puppets:
    return puppets.load(seed=1, cache=tmp_path, **SMALL | options)  # type: ignore[arg-type]


def members(table: Table) -> dict[str, np.ndarray]:
    images = unstack(table).astype(np.float32) / 255
    return dict(zip(MEMBERS, images.transpose(1, 0, 2, 3, 4), strict=True))


@pytest.mark.parametrize("attribute", ["rotation", "size"])
def test_the_third_image_has_the_attribute_of_the_first_and_the_rest_of_the_second(
    tmp_path: Path, attribute: str
) -> None:
    table = load(tmp_path, attribute=attribute).triplets
    other = {"rotation": "size_pixels", "size": "rotation_degrees"}[attribute]
    own = {"rotation": "rotation_degrees", "size": "size_pixels"}[attribute]
    measures, factors = table.measures, table.factors
    assert np.array_equal(measures[f"both_{own}"], measures[f"attribute_{own}"])
    assert np.array_equal(measures[f"both_{other}"], measures[f"rest_{other}"])
    assert np.array_equal(factors["both_digit"], factors["rest_digit"])
    assert not np.array_equal(measures[f"both_{own}"], measures[f"rest_{own}"])
    found = members(table)
    shown = {"rotation": rotation, "size": size}[attribute]
    assert np.corrcoef(shown(found["both"]), shown(found["attribute"]))[0, 1] > 0.8
    assert abs(np.corrcoef(shown(found["both"]), shown(found["rest"]))[0, 1]) < 0.5


def test_a_sequence_is_one_digit_in_equal_steps_and_ends_beyond_the_training_range(
    tmp_path: Path,
) -> None:
    table = load(tmp_path).sequences
    runs = table.measures["rotation_degrees"].reshape(3, 10)
    assert np.allclose(np.diff(runs), 70 * 2 / 3 / 5)
    scored = table.factors["scored"].reshape(3, 10).astype(bool)
    assert np.array_equal(scored, np.broadcast_to(np.arange(10) % 8 >= 2, (3, 10)))
    assert np.allclose(runs[:, [2, -3]], np.array([-70, 70]) / 3)
    assert (np.abs(runs[:, [0, -1]]) > 35).all()
    for name in ("digit", "sequence"):
        assert (np.ptp(table.factors[name].reshape(3, 10), axis=1) == 0).all()
    assert (np.ptp(table.measures["size_pixels"].reshape(3, 10), axis=1) == 0).all()


def test_real_digits_are_left_alone_turned_or_scaled(tmp_path: Path) -> None:
    plain, turned, scaled = (
        load(tmp_path, **options).real["train"]
        for options in ({}, {"turn": 30.0}, {"attribute": "size"})
    )
    assert np.ptp(plain.measures["turn_degrees"]) == 0
    assert np.array_equal(plain.factors["digit"], turned.factors["digit"])
    ones = plain.factors["digit"] == 1
    before, after = (rotation(table.images()[ones]) for table in (plain, turned))
    degrees = turned.measures["turn_degrees"][ones]
    assert np.allclose(after - before, degrees, atol=1.5)
    assert np.abs(degrees).max() > 15
    ratio = size(scaled.images()) / size(plain.images())
    assert np.allclose(ratio, scaled.measures["scale"], rtol=0.05)
    assert 0.5 <= scaled.measures["scale"].min() < 0.6


def test_sizes_are_near_those_of_the_real_digits_or_far_from_them(tmp_path: Path) -> None:
    for attribute in ("rotation", "size"):
        near = load(tmp_path, attribute=attribute)
        far = load(tmp_path, attribute=attribute, heights=puppets.DAGGER_HEIGHTS[attribute])
        real = size(near.real["train"].images())
        gaps = [
            abs(size(members(each.triplets)["both"]).mean() - real.mean()) for each in (near, far)
        ]
        assert gaps[0] < 1.5 < 2 < gaps[1]


def test_the_seed_decides(tmp_path: Path) -> None:
    one, two = load(tmp_path), load(tmp_path)
    assert np.array_equal(one.triplets.values, two.triplets.values)
    assert np.array_equal(one.real["test"].values, two.real["test"].values)
    other = puppets.load(seed=2, cache=tmp_path, **SMALL)
    assert not np.array_equal(one.triplets.values, other.triplets.values)


def test_triplets_come_back_from_disk_in_order(tmp_path: Path) -> None:
    images = np.arange(3 * 2 * 4 * 4 * 3, dtype=np.uint8).reshape(3, 2, 4, 4, 3)
    write_table(stack(*images, source="toy", seed=3), tmp_path / "t.parquet")
    found = read_table(tmp_path / "t.parquet")
    assert found.seed == 3
    assert np.array_equal(unstack(found), images.transpose(1, 0, 4, 2, 3))


def test_only_columns_of_three_images_are_triplets() -> None:
    values = np.zeros((2, 8, 4, 1), np.uint8)
    with pytest.raises(InputError, match="three square images"):
        unstack(Table(kind="images", values=values, source="toy"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("attribute", "colour"),
        ("heights", (0.5, 0.4)),
        ("heights", (0.0, 0.4)),
        ("triplets", 0),
        ("turn", -1.0),
    ],
)
def test_settings_that_make_no_sense(tmp_path: Path, field: str, value: object) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, **{field: value})
    assert caught.value.field == field


def test_real_digits_to_test_with_are_drawn_at_random(tmp_path: Path) -> None:
    found = load(tmp_path, real_test=30).real
    assert found["labelled"] is found["train"]
    assert len(found["test"]) == 30
    assert len(set(found["test"].factors["digit"][:15])) > 3
    shown = {image.tobytes() for image in found["train"].values}
    assert not any(image.tobytes() in shown for image in found["test"].values)


def test_released_data_have_their_own_size_and_need_a_mirror(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ISTHMUS_DATA_MIRROR", raising=False)
    with pytest.raises(InputError, match="use 32"):
        puppets.load_released(16, seed=0, cache=tmp_path, **RELEASED)
    with pytest.raises(InputError, match=r"real\.parquet.*no public address"):
        puppets.load_released(32, seed=0, cache=tmp_path, **RELEASED)


@pytest.mark.skipif("ISTHMUS_DATA_MIRROR" not in os.environ, reason="needs the released data")
@pytest.mark.parametrize("far", [False, True])
def test_released_triplets_with_labelled_test_digits(far: bool, tmp_path: Path) -> None:
    found = puppets.load_released(32, seed=0, cache=tmp_path, **RELEASED | {"far": far})
    assert [len(found.real[part]) for part in ("train", "test")] == [100, 5]
    assert not found.real["train"].factors
    assert set(found.real["labelled"].factors) == set(found.real["test"].factors) == {"digit"}
    assert bool(found.triplets.measures) is far
    assert unstack(found.triplets).shape == (40, 3, 1, 32, 32)


def write_released(folder: Path, rows: int = 4, width: int = 1024) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    pixels = {name: rng.integers(256, size=(rows, width), dtype=np.uint8) for name in MEMBERS}
    pixels["image"] = pixels["both"][: rows - 1]
    for file, names in (("real", ["image"]), ("triplets", ["rest", "attribute", "both"])):
        columns = {
            name: pa.array([row.tobytes() for row in pixels[name]], pa.binary(width))
            for name in names
        }
        pq.write_table(pa.table(columns), folder / f"{file}.parquet")
    return pixels


def test_the_released_layout(tmp_path: Path) -> None:
    pixels = write_released(tmp_path)
    real, triplets = puppets.released(tmp_path / "real.parquet", tmp_path / "triplets.parquet")
    assert real.shape == (32, 32, 1)
    assert np.array_equal(real.values.reshape(3, -1), pixels["image"])
    for number, name in enumerate(MEMBERS):
        assert np.array_equal(unstack(triplets)[:, number].reshape(4, -1), pixels[name])


@pytest.mark.parametrize("fault", ["absent", "text", "narrow", "column", "empty"])
def test_released_files_are_checked(tmp_path: Path, fault: str) -> None:
    write_released(
        tmp_path, rows=1 if fault == "empty" else 4, width=9 if fault == "narrow" else 1024
    )
    path = tmp_path / "real.parquet"
    if fault == "absent":
        path.unlink()
    elif fault == "text":
        path.write_text("no parquet")
    elif fault == "column":
        (tmp_path / "triplets.parquet").rename(path)
    with pytest.raises(InputError) as caught:
        puppets.released(tmp_path / "real.parquet", tmp_path / "triplets.parquet")
    assert caught.value.where == str(path)
