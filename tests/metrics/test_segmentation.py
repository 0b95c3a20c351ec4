from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from isthmus.errors import InputError
from isthmus.metrics.segmentation import agreement, iou_p2p, nearest


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), classes=st.integers(1, 7), channels=st.integers(1, 4))
def test_the_nearest_colour_is_that_of_a_search(seed: int, classes: int, channels: int) -> None:
    rng = np.random.default_rng(seed)
    images = rng.normal(size=(2, channels, 3, 5))
    palette = rng.normal(size=(classes, channels))
    distances = ((images[:, None] - palette[:, :, None, None]) ** 2).sum(2)
    found = nearest(torch.from_numpy(images), torch.from_numpy(palette))
    np.testing.assert_array_equal(found, distances.argmin(1))


def test_bytes_do_not_overflow_and_ties_go_to_the_first() -> None:
    images = torch.tensor([0, 255, 100, 150], dtype=torch.uint8).view(1, 1, 2, 2)
    palette = torch.tensor([[250], [50], [150]], dtype=torch.uint8)
    assert nearest(images, palette).flatten().tolist() == [1, 0, 1, 2]


def test_two_classes_worked_by_hand() -> None:
    truth = torch.tensor([[0, 0, 0, 1]])
    found = agreement(torch.tensor([[0, 0, 1, 1]]), truth, 2)
    assert found.pixels == 3 / 4
    assert found.accuracy == pytest.approx((2 / 3 + 1) / 2)
    assert found.iou == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_a_class_that_is_only_predicted_costs_iou_and_an_absent_one_nothing() -> None:
    truth, predicted = torch.zeros(1, 4, dtype=torch.long), torch.tensor([[0, 0, 0, 2]])
    assert agreement(predicted, truth, 5) == (3 / 4, 3 / 4, 3 / 8)
    assert agreement(truth, truth, 5) == (1, 1, 1)


def test_a_constant_answer_is_right_in_one_class() -> None:
    truth = torch.arange(4).repeat(25)[None]
    found = agreement(torch.full_like(truth, 3), truth, 4)
    assert found == (1 / 4, 1 / 4, 1 / 16)


def test_iou_p2p_compares_what_the_segmenter_sees() -> None:
    palette = torch.tensor([[-1.0], [1.0]])
    frames = torch.tensor([0.2, 0.4, 0.6, 0.8]).view(1, 1, 2, 2)

    def segment(x: Tensor) -> Tensor:
        return (x - 0.5).sign()

    assert iou_p2p(segment, frames + 0.05, frames, palette) == 1
    assert iou_p2p(segment, frames + 0.15, frames, palette) == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert iou_p2p(segment, 1 - frames, frames, palette) == 0


def test_what_is_refused() -> None:
    image = torch.zeros(1, 3, 2, 2)
    for palette in (torch.zeros(4, 1), torch.zeros(3)):
        with pytest.raises(InputError, match="palette"):
            nearest(image, palette)
    codes = torch.zeros(1, 2, dtype=torch.long)
    with pytest.raises(InputError, match="predicted"):
        agreement(codes, codes[0], 2)
    with pytest.raises(InputError, match="labels"):
        agreement(codes, codes + 2, 2)
