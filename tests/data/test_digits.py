from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from isthmus.data import optdigits, typeset
from isthmus.data.digits import resize, split
from isthmus.data.table import Table
from isthmus.errors import InputError


def test_resize_is_area_down_bilinear_up_and_keeps_constants() -> None:
    images = np.random.default_rng(0).integers(256, size=(3, 16, 16)).astype(np.uint8)
    np.testing.assert_array_equal(resize(images, 16), images)
    assert np.abs(resize(images, 8) - images.reshape(3, 8, 2, 8, 2).mean(axis=(2, 4))).max() <= 1
    for size in (8, 11, 28, 32):
        assert (resize(np.full((1, 16, 16), 200, np.uint8), size) == 200).all()
    ramp = np.tile(np.arange(16, dtype=np.uint8) * 16, (1, 16, 1))
    steps = np.diff(resize(ramp, 32)[0, 0].astype(int))
    assert set(steps[1:-1]) == {8}


@given(per_class=st.integers(2, 9), wanted=st.integers(1, 8), seed=st.integers(0, 2**31 - 1))
def test_split_is_a_balanced_partition(per_class: int, wanted: int, seed: int) -> None:
    wanted = min(wanted, per_class - 1)
    digits = np.repeat(np.arange(10), per_class)
    train, rest = split(digits, 10 * wanted, seed)
    np.testing.assert_array_equal(np.sort(np.concatenate([train, rest])), np.arange(len(digits)))
    assert np.bincount(digits[train]).tolist() == [wanted] * 10
    np.testing.assert_array_equal(split(digits, 10 * wanted, seed)[0], train)


def same(one: Table, other: Table) -> bool:
    return one.values.tobytes() == other.values.tobytes()


def test_optdigits() -> None:
    tables = optdigits.load(8, train_size=1400, seed=1)
    assert [len(tables[part]) for part in ("train", "test")] == [1400, 397]
    pool = load_digits().images.reshape(1797, -1)
    split_ = np.concatenate([tables[part].values.reshape(-1, 64) for part in ("train", "test")])
    np.testing.assert_array_equal(
        np.sort(np.rint(split_ / 255 * 16).sum(axis=1)), np.sort(pool.sum(axis=1))
    )
    assert tables["train"].values.max() == 255
    shares = [np.bincount(t.factors["digit"]) / len(t) for t in tables.values()]
    assert np.abs(shares[0] - shares[1]).max() < 0.01
    again, other = (optdigits.load(8, train_size=1400, seed=seed) for seed in (1, 2))
    assert same(tables["train"], again["train"])
    assert not same(tables["train"], other["train"])
    for size in (5, 1790, 1797):
        with pytest.raises(InputError, match="train_size"):
            optdigits.load(8, train_size=size, seed=0)


def test_typeset_factors_and_measures() -> None:
    tables = typeset.load(32, train_size=600, test_size=50, seed=0)
    table = tables["train"]
    assert table.shape == (32, 32, 1)
    assert list(table.factors) == ["digit", "font", "rotation", "size"]
    degrees, pixels = table.measures["rotation_degrees"], table.measures["size_pixels"]
    assert (np.abs(degrees) <= 35).all()
    assert ((pixels >= 0.45 * 32) & (pixels <= 0.8 * 32)).all()
    np.testing.assert_array_equal(table.factors["rotation"], (degrees + 35) // 10)
    for name in table.factors:
        counts = np.bincount(table.factors[name], minlength=len(table.levels[name]))
        assert (counts > 0.6 * 600 / len(counts)).all()
    assert table.levels["rotation"][0] == "-35 to -25"
    assert same(table, typeset.load(32, train_size=600, test_size=1, seed=0)["train"])
    other = typeset.load(32, train_size=50, test_size=50, seed=0)
    assert not same(other["train"], other["test"])
    assert same(other["test"], tables["test"])


def test_typeset_digits_are_readable() -> None:
    tables = typeset.load(16, train_size=1500, test_size=200, seed=1, fonts=["DejaVuSans"])
    flat = {part: table.values.reshape(len(table), -1) for part, table in tables.items()}
    nearest = KNeighborsClassifier(1).fit(flat["train"], tables["train"].factors["digit"])
    assert nearest.score(flat["test"], tables["test"].factors["digit"]) > 0.9


def moments(image: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Centre, counter-clockwise angle of the long axis from upright in degrees, and mass."""
    weights = image[..., 0] / 255.0
    rows, columns = np.indices(weights.shape) + 0.5
    points = np.stack([columns, -rows])
    mass = weights.sum()
    centre = (points * weights).sum(axis=(1, 2)) / mass
    offsets = points - centre[:, None, None]
    second = np.einsum("ihw,jhw,hw->ij", offsets, offsets, weights)
    axis = np.linalg.eigh(second)[1][:, 1]
    return centre, float(np.rad2deg(np.arctan(-axis[0] / axis[1]))), float(mass)


@pytest.mark.parametrize("degrees", [-30.0, -10.0, 0.0, 20.0, 35.0])
def test_rotation_turns_counter_clockwise_by_the_degrees_it_says(degrees: float) -> None:
    upright, turned = typeset.render([0, 0], ["DejaVuSans"] * 2, [0.0, degrees], [24.0] * 2, 32)
    assert moments(turned)[1] - moments(upright)[1] == pytest.approx(degrees, abs=0.5)
    assert moments(turned)[2] == pytest.approx(moments(upright)[2], rel=0.01)
    np.testing.assert_allclose(moments(turned)[0], [16, -16], atol=0.3)


@pytest.mark.parametrize("digit", range(10))
def test_height_is_the_height_of_the_ink_and_the_digit_is_centred(digit: int) -> None:
    for font in typeset.FONTS:
        for pixels in (14.0, 20.0, 26.0):
            image = typeset.render([digit], [font], [0.0], [pixels], 32)[0, :, :, 0] / 255.0
            rows, columns = image.max(axis=1), image.max(axis=0)
            assert rows.sum() == pytest.approx(pixels, abs=1.6)
            for profile in (rows, columns):
                inked = np.flatnonzero(profile > 0.25)
                assert inked[0] + inked[-1] == pytest.approx(31, abs=1.01)


def test_an_image_depends_on_its_own_factors_only() -> None:
    fonts = ["DejaVuSerif", "DejaVuSans"]
    both = typeset.render([3, 7], fonts, [10.0, -5.0], [20.0, 15.0], 28)
    alone = typeset.render([7], fonts[1:], [-5.0], [15.0], 28)
    np.testing.assert_array_equal(both[1:], alone)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", 3),
        ("train_size", 0),
        ("test_size", -1),
        ("fonts", []),
        ("fonts", ["DejaVuSans", "DejaVuSans"]),
        ("fonts", ["Roboto"]),
        ("fonts", ["STIXNonUni"]),
        ("rotation_range", (10.0, -10.0)),
        ("rotation_range", (0.0, float("nan"))),
        ("rotation_levels", 0),
        ("height_range", (0.5, 1.5)),
        ("height_range", (0.5, 0.5)),
        ("size_levels", 0),
    ],
)
def test_typeset_settings_that_make_no_sense(field: str, value: object) -> None:
    settings = {"size": 16, "train_size": 10, "test_size": 10, "seed": 0} | {field: value}
    with pytest.raises(InputError) as caught:
        typeset.load(**settings)
    assert caught.value.field == field
