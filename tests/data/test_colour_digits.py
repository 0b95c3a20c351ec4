from __future__ import annotations

import numpy as np
import pytest
import torch

from isthmus.data import colour_digits
from isthmus.errors import InputError
from isthmus.metrics.segmentation import nearest


def maps(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(2, size=(count, 8, 8))


def test_a_colouring_is_two_colours_that_ignore_the_digit() -> None:
    digits = maps(50)
    first = colour_digits.colour(digits, 3)
    np.testing.assert_array_equal(first, colour_digits.colour(digits, 3))
    np.testing.assert_array_equal(
        np.where(digits[:, np.newaxis] == 1, first, 0),
        np.where(digits[:, np.newaxis] == 1, colour_digits.colour(np.ones_like(digits), 3), 0),
    )
    flat = first.transpose(0, 2, 3, 1).reshape(50, -1, 3)
    assert {len(np.unique(image, axis=0)) for image in flat} == {2}
    assert len(np.unique(flat[:, 0], axis=0)) > 45
    ink, paper = (flat.max(2)[digits.reshape(50, -1) == code] for code in (1, 0))
    assert ink.max() < paper.min()


def test_the_honest_reconstruction_is_the_median() -> None:
    digits = np.repeat(maps(1), 5000, axis=0)
    drawn, honest = colour_digits.colour(digits, 7), colour_digits.honest(digits[:1])
    for share in ((drawn <= honest).mean(0), (drawn >= honest).mean(0)):
        assert share.min() > 0.47


def test_tables_of_pairs_and_of_strangers() -> None:
    palette = torch.from_numpy(colour_digits.PALETTE)
    for paired in (False, True):
        tables = colour_digits.load(16, train_size=40, test_size=30, seed=2, paired=paired)
        for name, pairs in (("train", paired), ("test", True)):
            table, rows = tables[name], len(tables[name]) // 2
            images = torch.from_numpy(table.values.transpose(0, 3, 1, 2).copy())
            strokes = nearest(images[rows:], palette).numpy()
            inked = images[:rows].amax(1).numpy() < 180
            assert (inked == (strokes == 1)).all() == pairs
            a, b = table.factors["digit"].reshape(2, rows)
            assert (a == b).all() == pairs
            np.testing.assert_array_equal(table.factors["domain"], np.repeat([0, 1], rows))
            np.testing.assert_array_equal(colour_digits.paint(strokes), images[rows:].numpy())


def test_strokes_are_the_bright_half() -> None:
    grey = np.array([[[0, 127], [128, 255]]], np.uint8)
    assert colour_digits.strokes(grey).tolist() == [[[0, 0], [1, 1]]]


def test_too_many_digits_are_refused() -> None:
    with pytest.raises(InputError, match="test_size"):
        colour_digits.load(16, train_size=2000, test_size=1001, seed=0)
    with pytest.raises(InputError, match="train_size"):
        colour_digits.load(16, train_size=0, seed=0)
