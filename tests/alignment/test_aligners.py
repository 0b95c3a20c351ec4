from __future__ import annotations

import numpy as np
import pytest

from isthmus.alignment.aligners import ALIGNERS, align
from isthmus.errors import InputError

STEPS = {"wgan-gp": 20, "sn-gan": 120, "lrmf-continuous": 20, "mmd": 150, "emd": 100}


def clouds() -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    return draw.normal(1, 2, (100, 2)), draw.normal(0, 2, (120, 2))


@pytest.mark.parametrize("method", ALIGNERS)
def test_every_method_moves_a_towards_b_and_counts_its_steps(method: str) -> None:
    a, b = clouds()
    seen: list[int] = []
    steps = STEPS.get(method, 40)
    found = align(method, a, b, steps=steps, on_step=lambda step, loss: seen.append(step))
    assert found.points.shape == a.shape
    before, after = (np.linalg.norm(x.mean(0) - b.mean(0)) for x in (a, found.points))
    assert after < before or method == "wgan-gp"  # it goes round before it settles
    assert not found.stopped
    aligner = ALIGNERS[method]
    assert len(seen) == (steps * aligner.trainings if aligner.steps else 0)
    assert (found.certificate is not None) == method.startswith("lrmf")


@pytest.mark.parametrize("method", ["coral", "emd", "lrmf-gaussian"])
def test_points_come_back_in_the_unit_they_had(method: str) -> None:
    a, b = clouds()
    found = align(method, a, b, steps=20).points
    other = align(method, 10 * a + 3, 10 * b + 3, steps=20).points
    np.testing.assert_allclose(other, 10 * found + 3, rtol=1e-4, atol=1e-4)


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(InputError, match="ot-cfm"):
        align("cyclegan", *clouds())
