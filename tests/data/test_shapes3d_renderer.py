from __future__ import annotations

import colorsys
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.data import shapes3d_renderer
from isthmus.data.shapes3d import (
    FACTORS,
    SHAPES,
    counterfactual,
    from_index,
    split,
    to_index,
)
from isthmus.data.shapes3d_renderer import PALETTE, SKY, decode, load, render
from isthmus.errors import InputError

SCENE = {
    "floor_hue": 0,
    "wall_hue": 7,
    "object_hue": 3,
    "scale": 0,
    "shape": 0,
    "orientation": 7,
}
RED, BLUE, GREEN = 0, 2, 1
SMALL, LARGE = 0, 7
Image = npt.NDArray[np.float64]


def draw(**changes: int) -> Image:
    """One image with a red floor, a violet wall and a green object, floats `(3, 64, 64)`."""
    factors = {name: np.array([code]) for name, code in (SCENE | changes).items()}
    return render(factors, 64)[0].astype(np.float64)


def extent(mask: npt.NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """First row, last row, first column and last column of what is set."""
    rows, columns = np.nonzero(mask)
    return rows.min(), rows.max(), columns.min(), columns.max()


def body(image: Image) -> npt.NDArray[np.bool_]:
    """Where more than half of a pixel is the green object."""
    return (image[GREEN] > image[RED]) & (image[GREEN] > image[BLUE])


def test_palette() -> None:
    hsv = [colorsys.hsv_to_rgb(i / 10, 1, 1) for i in range(10)]
    np.testing.assert_array_equal(PALETTE, np.rint(np.array(hsv) * 255))
    assert PALETTE[[1, 8]].tolist() == [[255, 153, 0], [204, 0, 255]]


def test_frontal_room() -> None:
    image = draw()
    wall = (image[BLUE] > 100) & (image[RED] < 100)
    first, last, left, right = extent(wall)
    assert abs(first - 17) <= 1
    assert abs(last - 41) <= 1
    assert (left, right) == (0, 63)
    assert (image[:, :16].transpose(1, 2, 0) == SKY).all()
    floor = image[RED, 44:]
    assert floor[:, :3].mean() / 255 == pytest.approx(1.0, abs=0.03)
    assert floor[:, -3:].mean() / 255 == pytest.approx(0.86, abs=0.03)
    shade = image[BLUE, 20:39] / 255
    assert shade[:, :3].mean() == pytest.approx(1.0, abs=0.03)
    assert shade[:, -3:].mean() == pytest.approx(0.94, abs=0.03)


@pytest.mark.parametrize(("orientation", "column"), [(14, 20), (0, 44)])
def test_the_corner_of_the_room(orientation: int, column: int) -> None:
    image = draw(orientation=orientation)
    row = image[BLUE, 22]
    found = int(np.abs(np.diff(row)).argmax()) + 1
    assert abs(found - column) <= 1
    turned = row[: found - 2] if orientation == 14 else row[found + 2 :]
    assert 0.5 <= turned.min() / 255 <= turned.max() / 255 <= 0.8
    tops = (image[RED] < 100).argmax(axis=0)
    assert abs(tops[column] - 19) <= 1
    assert abs(min(tops[0], tops[63]) - 14) <= 1


def test_the_corner_leaves_the_frame() -> None:
    for orientation in (6, 7, 8):
        row = draw(orientation=orientation)[BLUE, 22]
        assert np.abs(np.diff(row)).max() < 0.06 * 255


@pytest.mark.parametrize(
    ("shape", "scale", "width", "height"),
    [
        ("cube", SMALL, 17, 18),
        ("cube", LARGE, 30, 30),
        ("cylinder", SMALL, 16, 19),
        ("cylinder", LARGE, 24, 30),
        ("sphere", SMALL, 18, 18),
        ("sphere", LARGE, 30, 30),
        ("capsule", SMALL, 13, 28),
        ("capsule", LARGE, 23, 46),
    ],
)
def test_objects(shape: str, scale: int, width: int, height: int) -> None:
    first, last, left, right = extent(body(draw(shape=SHAPES.index(shape), scale=scale)))
    assert abs((left + right + 1) / 2 - 32) <= 1
    assert abs(right - left + 1 - width) <= 2
    assert abs(last - first + 1 - height) <= 2
    lowest = {"sphere": (51, 53), "capsule": (51, 53)}.get(shape, (53, 58))
    assert lowest[0] <= last <= lowest[1]


def test_only_the_view_turns() -> None:
    front, side = (body(draw(shape=2, scale=4, orientation=k)) for k in (7, 14))
    assert (front != side).sum() <= 8
    assert extent(body(draw(orientation=14)))[3] > extent(body(draw()))[3]


def test_the_front_of_the_cube_has_the_hue() -> None:
    for hue in range(10):
        face = draw(object_hue=hue, scale=LARGE)[:, 32:44, 24:40]
        np.testing.assert_allclose(face, 0.94 * PALETTE[hue][:, None, None] + 0 * face, atol=4)


def test_round_objects_are_shaded() -> None:
    image = draw(shape=2, scale=LARGE)
    ball = body(image)
    highlight = np.where(ball, image[RED], 0)
    row, column = np.unravel_index(highlight.argmax(), highlight.shape)
    assert 60 < highlight.max() < 200
    assert row < 38
    assert column < 32
    assert image[GREEN, 47, 41] < 0.85 * image[GREEN, 38, 32]


def test_shadow() -> None:
    image = draw(shape=2, scale=LARGE)
    floor = (image[GREEN] < 40) & (image[BLUE] < 40)
    shadow = floor & (image[RED] < 0.5 * 255)
    first, last, left, right = extent(shadow)
    for found, wanted in ((first, 51), (last, 58), (left, 24), (right, 48)):
        assert abs(found - wanted) <= 2
    darkness = np.median(image[RED][shadow]) / image[RED, 56, 10]
    assert darkness == pytest.approx(0.33, abs=0.04)


def random_factors(count: int, seed: int) -> dict[str, Any]:
    return from_index(np.random.default_rng(seed).integers(480_000, size=count))


@pytest.mark.parametrize("size", [64, 32, 16])
def test_decode_undoes_render(size: int) -> None:
    factors = random_factors(400, size)
    assert to_index(decode(render(factors, size))).tolist() == to_index(factors).tolist()


@pytest.mark.parametrize("size", [64, 32])
def test_decode_where_all_hues_are_equal(size: int) -> None:
    rows = np.arange(0, 480, 3) + 480 * 444
    assert decode(render(from_index(rows), size))["scale"].tolist() == (rows % 480 // 60).tolist()
    assert to_index(decode(render(from_index(rows), size))).tolist() == rows.tolist()


@given(st.lists(st.integers(0, 479_999), min_size=2, max_size=4, unique=True), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_decode_finds_the_nearest(rows: list[int], seed: int) -> None:
    candidates = render(from_index(rows), 16).astype(np.float64)
    noise = np.random.default_rng(seed).normal(0, 60, candidates.shape[1:])
    image = np.clip(candidates.mean(axis=0) + noise, 0, 255).astype(np.uint8)
    found = render(decode(image[np.newaxis]), 16)[0].astype(np.float64)
    least = np.square(candidates - image).sum(axis=(1, 2, 3)).min()
    rounding = 2 * np.sqrt(least * image.size / 4)
    assert np.square(found - image).sum() <= least + rounding


def test_a_colouring_is_a_sum_over_regions() -> None:
    hues = np.arange(10)
    one = {name: np.full(10, code) for name, code in SCENE.items()}
    images = render(one | {"floor_hue": hues}, 64).astype(np.int64)
    changed = (images != images[0]).any(axis=(0, 1))
    other = render(one | {"floor_hue": hues, "wall_hue": (hues + 2) % 10}, 64).astype(np.int64)
    pure = changed & (images[0] == render(one | {"wall_hue": hues}, 64)[5]).all(axis=0)
    assert pure.sum() > 1000
    np.testing.assert_array_equal(images[:, :, pure], other[:, :, pure])


@pytest.mark.parametrize("size", [32, 16])
def test_smaller_images_are_area_averages(size: int) -> None:
    factors = random_factors(20, 1)
    block = 64 // size
    large = render(factors, 64).reshape(20, 3, size, block, size, block).mean(axis=(3, 5))
    np.testing.assert_allclose(render(factors, size), large, atol=1.0)


def test_an_image_does_not_depend_on_its_batch() -> None:
    factors = random_factors(50, 2)
    whole = render(factors, 32)
    for k in (0, 17, 49):
        single = render({name: codes[k : k + 1] for name, codes in factors.items()}, 32)
        np.testing.assert_array_equal(single[0], whole[k])


def test_sums_are_exact_in_any_order() -> None:
    for layer in shapes3d_renderer._layers(16):
        np.testing.assert_array_equal(layer * 4096 % 1, 0)
        assert layer.max() * 4096 < 2**20


def test_counterfactuals_render_into_the_target() -> None:
    a, b = (split("shapes3d-a", domain, count=30, seed=0) for domain in ("a", "b"))  # type: ignore[arg-type]
    right = counterfactual(a, b, "shapes3d-a", "a2b")
    found = decode(render(right, 32))
    for name, wanted in (("object_hue", a), ("shape", a), ("scale", b), ("orientation", b)):
        np.testing.assert_array_equal(found[name], wanted[name])


def test_table() -> None:
    factors = random_factors(5, 3)
    table = load(factors, 32)
    np.testing.assert_array_equal(table.values, render(factors, 32).transpose(0, 2, 3, 1))
    assert to_index(table.factors).tolist() == to_index(factors).tolist()
    assert list(table.levels) == list(FACTORS)


@pytest.mark.parametrize("size", [0, 28, 65, 128])
def test_other_sizes_are_refused(size: int) -> None:
    with pytest.raises(InputError, match="size"):
        render(random_factors(1, 0), size)


@pytest.mark.parametrize(
    "images", [np.zeros((1, 3, 64, 64)), np.zeros((1, 3, 48, 48), np.uint8), np.zeros(3, np.uint8)]
)
def test_other_images_are_not_decoded(images: Any) -> None:
    with pytest.raises(InputError):
        decode(images)
