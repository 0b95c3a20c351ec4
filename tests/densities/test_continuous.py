from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from isthmus.alignment.lrmf import LRMF
from isthmus.densities import Gaussian
from isthmus.densities.continuous import ContinuousFlow
from isthmus.errors import InputError


def points(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def moved(features: int, seed: int = 0) -> ContinuousFlow:
    """A flow in double precision, away from the start and solved tightly."""
    flow = ContinuousFlow(features, hidden=(8, 8), atol=1e-9, rtol=1e-9).double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += 0.4 * torch.randn(parameter.shape, generator=generator)
    return flow


@pytest.mark.parametrize("features", [1, 2, 5])
def test_the_start_is_exactly_the_identity(features: int) -> None:
    x = points(7, features).float()
    y, ladj = ContinuousFlow(features)().call_and_ladj(x)
    assert torch.equal(y, x)
    assert torch.equal(ladj, torch.zeros(7))


@pytest.mark.parametrize("features", [1, 2, 3])
def test_log_determinant_is_that_of_the_jacobian(features: int) -> None:
    transform, x = moved(features)(), points(5, features)
    y, ladj = transform.call_and_ladj(x)
    assert (y - x).abs().max() > 0.1
    jacobian = torch.autograd.functional.jacobian(lambda x: transform(x).sum(0), x).movedim(0, 1)
    expected = torch.linalg.slogdet(jacobian)[1]
    assert expected.abs().max() > 0.05
    torch.testing.assert_close(ladj, expected, atol=1e-6, rtol=1e-6)


def test_inverse_undoes_the_map_and_its_log_determinant() -> None:
    transform, x = moved(3)(), points(2, 4, 3)
    y, ladj = transform.call_and_ladj(x)
    assert ladj.shape == (2, 4)
    back, ladj_back = transform.inv.call_and_ladj(y)
    torch.testing.assert_close(back, x, atol=1e-6, rtol=0)
    torch.testing.assert_close(ladj_back, -ladj, atol=1e-6, rtol=0)
    torch.testing.assert_close(transform.inv(transform(x)), x, atol=1e-6, rtol=0)


def test_a_linear_velocity_gives_the_matrix_exponential() -> None:
    flow = ContinuousFlow(2, hidden=(), atol=1e-9, rtol=1e-9).double()
    rate = torch.tensor([[0.3, -1.0], [0.8, 0.2]], dtype=torch.float64)
    with torch.no_grad():
        flow.network[-1].weight[:, :2] = rate
    x = points(6, 2)
    y, ladj = flow().call_and_ladj(x)
    torch.testing.assert_close(y, x @ torch.linalg.matrix_exp(rate).T, atol=1e-7, rtol=0)
    torch.testing.assert_close(ladj, torch.full((6,), 0.5).double(), atol=1e-7, rtol=0)


def test_a_velocity_that_grows_with_time_is_integrated_over_the_unit_of_time() -> None:
    flow = ContinuousFlow(1, hidden=()).double()
    with torch.no_grad():
        flow.network[-1].weight[0, 1] = 3.0
    x = points(4, 1)
    torch.testing.assert_close(flow()(x), x + 1.5, atol=1e-6, rtol=0)


def test_gradients() -> None:
    flow, x = moved(2), points(3, 2)

    def value(x: Tensor, *_: Tensor) -> tuple[Tensor, Tensor]:
        return flow().call_and_ladj(x)

    inputs = (x.requires_grad_(), *flow.parameters())
    assert torch.autograd.gradcheck(value, inputs, atol=1e-5, rtol=1e-4, fast_mode=True)


def test_the_initial_weights_depend_on_the_seed_alone() -> None:
    first, again, other = (ContinuousFlow(2, seed=seed).network[0].weight for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_lrmf_moves_a_shifted_gaussian_back() -> None:
    a, b = points(400, 2, seed=2).float() + torch.tensor([1.0, -0.5]), points(400, 2).float()
    aligner = LRMF(
        Gaussian(2), ContinuousFlow(2, hidden=(16,), atol=1e-3, rtol=1e-3), steps=60,
        learning_rate=2e-2,
    )  # fmt: skip
    aligner.fit(a, b)
    start, end = aligner.result_.curve[0].item(), aligner.result_.value
    separation = math.log(1 + 1.25 / 4)
    assert start == pytest.approx(separation, abs=0.2)
    assert abs(end) < 0.05
    torch.testing.assert_close(aligner.transform(a).mean(0), b.mean(0), atol=0.1, rtol=0)
    torch.testing.assert_close(
        aligner.inverse_transform(aligner.transform(a)), a, atol=1e-2, rtol=0
    )


def test_weights_that_are_not_finite_end_in_an_error_and_not_in_an_endless_search() -> None:
    flow = ContinuousFlow(2)
    nn.init.constant_(flow.network[-1].bias, math.nan)
    with pytest.raises(FloatingPointError, match="not finite"):
        flow()(torch.zeros(3, 2))


@pytest.mark.parametrize("wrong", [{"features": 0}, {"atol": 0.0}, {"rtol": math.nan}])
def test_senseless_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        ContinuousFlow(**{"features": 2} | wrong)
