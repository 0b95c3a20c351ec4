from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.attributes.moments import rotation, size
from isthmus.data import typeset
from isthmus.errors import InputError


def drawn(digit: int, degrees: float, pixels: float, side: int = 48) -> np.ndarray:
    image = typeset.render([digit], ["DejaVuSans"], [degrees], [pixels], side)
    return image.transpose(0, 3, 1, 2).astype(np.float32) / 255


def blank(side: int = 8) -> np.ndarray:
    return np.zeros((1, 1, side, side), np.float32)


@pytest.mark.parametrize(
    ("ends", "degrees"),
    [
        (((1, 3), (5, 3)), 0.0),
        (((1, 1), (5, 5)), 45.0),
        (((1, 5), (5, 1)), -45.0),
        (((3, 1), (3, 5)), 90.0),
    ],
)
def test_two_points_lie_on_the_axis(ends: tuple[tuple[int, int], ...], degrees: float) -> None:
    """Rows count downward, so (1, 1) and (5, 5) lean to the left."""
    image = blank()
    for row, column in ends:
        image[0, 0, row, column] = 0.5
    assert abs(rotation(image)[0]) == pytest.approx(abs(degrees))
    assert rotation(image)[0] * degrees >= 0
    distance = np.hypot(ends[0][0] - ends[1][0], ends[0][1] - ends[1][1])
    assert size(image)[0] == pytest.approx(distance / 2)


def test_a_black_image_has_neither() -> None:
    assert rotation(blank())[0] == size(blank())[0] == 0


@settings(max_examples=25)
@given(st.sampled_from([1, 3, 5, 7]), st.floats(-35, 35), st.floats(16, 28))
def test_they_follow_the_renderer(digit: int, degrees: float, pixels: float) -> None:
    """Rotation adds to that of the upright digit, and size is in proportion to the height."""
    upright, found = drawn(digit, 0, 24), drawn(digit, degrees, pixels)
    turned = rotation(found)[0] - rotation(upright)[0]
    assert (turned + 90) % 180 - 90 == pytest.approx(degrees, abs=1.5)
    assert size(found)[0] / pixels == pytest.approx(size(upright)[0] / 24, rel=0.02)


@settings(max_examples=20)
@given(st.integers(-5, 5), st.integers(-5, 5), st.floats(0.1, 1))
def test_place_and_brightness_do_not_matter(right: int, down: int, brightness: float) -> None:
    image = drawn(4, 20, 24)
    moved = np.roll(image, (down, right), (2, 3)) * np.float32(brightness)
    assert rotation(moved)[0] == pytest.approx(rotation(image)[0], abs=1e-3)
    assert size(moved)[0] == pytest.approx(size(image)[0], rel=1e-5)


def test_images_are_checked() -> None:
    with pytest.raises(InputError, match="grey"):
        rotation(np.zeros((2, 3, 8, 8), np.float32))
