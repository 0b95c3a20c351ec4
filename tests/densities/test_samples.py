from __future__ import annotations

import numpy as np
import pytest
import torch

from isthmus.densities.samples import as_points, as_samples, same_width
from isthmus.errors import InputError


def good() -> torch.Tensor:
    return torch.randn(5, 3, generator=torch.Generator().manual_seed(0))


def test_good_samples_pass_unchanged_and_keep_their_precision() -> None:
    x = good()
    assert torch.equal(as_samples(x, "a"), x)
    assert as_samples(x.double(), "a").dtype == torch.float64
    assert as_samples(x.numpy().astype(np.float16), "a").dtype == torch.float32
    assert as_samples([[1, 2], [3, 4]], "a").dtype == torch.float32


def test_an_ensemble_takes_one_set_for_all_or_one_for_each() -> None:
    x = good()
    assert as_samples(x, "a", (2,)).shape == (5, 3)
    assert as_samples(x.expand(2, 5, 3), "a", (2,)).shape == (2, 5, 3)


def spoilt(row: int, column: int, value: float) -> torch.Tensor:
    x = good()
    x[row, column] = value
    return x


@pytest.mark.parametrize(
    ("x", "field", "problem"),
    [
        (torch.zeros(0, 3), "", "empty"),
        (torch.zeros(4, 0), "", "empty"),
        (torch.zeros(4), "", "shape (4,)"),
        (torch.zeros(7, 5, 3), "", "shape (7, 5, 3)"),
        (torch.ones(1, 3), "", "single sample"),
        (spoilt(3, 1, float("nan")), "row 3, column 1", "not a finite number"),
        (spoilt(2, 0, float("inf")), "row 2, column 0", "not a finite number"),
        (torch.stack([torch.arange(5.0), torch.ones(5)], -1), "column 1", "constant"),
    ],
)
def test_degenerate_samples_are_refused_with_place_and_mend(
    x: torch.Tensor, field: str, problem: str
) -> None:
    with pytest.raises(InputError) as refusal:
        as_samples(x, "a", (2,))
    assert refusal.value.where == "a"
    assert refusal.value.field == field
    assert problem in refusal.value.problem
    assert refusal.value.mend


def test_points_to_transform_may_be_single_and_constant() -> None:
    assert as_points(torch.ones(1, 3), "a").shape == (1, 3)


def test_different_widths_are_refused_with_both_widths() -> None:
    assert same_width(torch.zeros(4, 3), torch.zeros(9, 3)) == 3
    with pytest.raises(InputError, match="2 features where a has 3"):
        same_width(torch.zeros(4, 3), torch.zeros(4, 2))
