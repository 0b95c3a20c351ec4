from __future__ import annotations

import pytest
import torch

from isthmus.alignment.measures import MEASURES, measure
from isthmus.errors import InputError


def cloud(seed: int, n: int = 60) -> torch.Tensor:
    return torch.randn(n, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("method", MEASURES)
class TestEveryMeasure:
    def test_is_zero_on_one_sample(self, method: str) -> None:
        found = measure(method, cloud(0), cloud(0).flip(0), splits=0)
        assert found.value == pytest.approx(0, abs=1e-6)

    def test_tells_a_shift_from_noise_and_no_shift_not(self, method: str) -> None:
        shifted = cloud(0) + 1.5 if method != "coral" else cloud(0) * 3
        far = measure(method, shifted, cloud(1), splits=19)
        assert far.value > max(far.noise)
        assert far.p_value == pytest.approx(0.05)
        near = measure(method, cloud(2), cloud(3), splits=19)
        assert near.p_value > 0.05
        assert "p = " in str(near)

    def test_does_not_depend_on_order_or_on_the_unit(self, method: str) -> None:
        a, b = cloud(0) + 1, cloud(1)
        found = measure(method, a, b, splits=0).value
        other = measure(method, 5 * a.flip(0) - 7, 5 * b - 7, splits=0).value
        assert other == pytest.approx(found, rel=1e-6, abs=1e-9)


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(InputError, match="gaussian-lr"):
        measure("wasserstein", cloud(0), cloud(1))
