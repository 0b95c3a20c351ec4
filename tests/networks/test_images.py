from __future__ import annotations

import numpy as np
import pytest
import torch

from isthmus.errors import InputError
from isthmus.networks.images import as_images


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_become_float32(dtype: type) -> None:
    images = np.linspace(0, 1, 2 * 64).reshape(2, 1, 8, 8).astype(dtype)
    found = as_images(images, "x", side=8)
    assert found.dtype == torch.float32
    assert np.array_equal(found.numpy(), images.astype(np.float32))


def test_a_transposed_view_becomes_contiguous() -> None:
    assert as_images(np.random.rand(2, 8, 8, 1).transpose(0, 3, 1, 2), "x").is_contiguous()


@pytest.mark.parametrize(
    ("images", "problem"),
    [
        (np.zeros((2, 1, 8, 8), np.uint8), "dtype uint8"),
        (np.zeros((2, 8, 8), np.float32), r"shape \(2, 8, 8\)"),
        (np.zeros((2, 3, 8, 8), np.float32), r"shape \(2, 3, 8, 8\)"),
        (np.zeros((2, 1, 8, 6), np.float32), r"shape \(2, 1, 8, 6\)"),
        (np.zeros((2, 1, 16, 16), np.float32), r"shape \(2, 1, 16, 16\)"),
        (np.zeros((0, 1, 8, 8), np.float32), "no image"),
    ],
)
def test_what_is_no_grey_image_is_refused(images: np.ndarray, problem: str) -> None:
    with pytest.raises(InputError, match=f"images_a: .*{problem}"):
        as_images(images, "images_a", side=8)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -1e-3, 1.001, 255.0])
def test_a_value_outside_is_refused_with_the_image_that_holds_it(value: float) -> None:
    images = np.zeros((4, 1, 8, 8), np.float32)
    images[2, 0, 3, 4] = value
    with pytest.raises(InputError, match="image 2"):
        as_images(images, "x")
