"""Properties that hold for every flow: identity start, log-determinant, inverse, ensembles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_model, save_model
from torch import Tensor, nn
from torch.distributions import Transform

from isthmus.densities import Affine, Composed, RealNVP, RealNVPDensity
from isthmus.errors import InputError

SMALL: dict[str, Any] = {"couplings": 3, "hidden": (8, 8)}


def realnvp(features: int, batch_shape: tuple[int, ...] = ()) -> nn.Module:
    return RealNVP(features, batch_shape=batch_shape, **SMALL)


def affine(features: int, batch_shape: tuple[int, ...] = ()) -> nn.Module:
    return Affine(features, batch_shape=batch_shape)


def moved(flow: nn.Module, seed: int = 0) -> nn.Module:
    """The flow in double precision, its parameters moved away from the start."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in flow.double().parameters():
            noise = torch.randn(parameter.shape, dtype=torch.float64, generator=generator)
            parameter.add_(0.3 * noise)
    return flow


def points(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


flows = pytest.mark.parametrize("build", [realnvp, affine])
Build = Callable[..., nn.Module]


@flows
@pytest.mark.parametrize("features", [2, 5])
def test_the_start_is_exactly_the_identity(build: Build, features: int) -> None:
    x = points(7, features).float()
    y, ladj = build(features)().call_and_ladj(x)
    assert torch.equal(y, x)
    assert torch.equal(ladj, torch.zeros(7))


@flows
@pytest.mark.parametrize("features", [2, 5])
def test_log_determinant_is_that_of_the_jacobian(build: Build, features: int) -> None:
    transform = moved(build(features))()
    x = points(6, features)
    y, ladj = transform.call_and_ladj(x)
    for row, image, value in zip(x, y, ladj, strict=True):
        jacobian = torch.autograd.functional.jacobian(transform, row)
        torch.testing.assert_close(value, torch.linalg.slogdet(jacobian)[1])
        torch.testing.assert_close(transform(row), image)


@flows
@pytest.mark.parametrize("batch_shape", [(), (3,), (2, 3)])
def test_inverse_undoes_the_map_and_its_log_determinant(
    build: Build, batch_shape: tuple[int, ...]
) -> None:
    transform = moved(build(5, batch_shape))()
    x = points(*batch_shape, 6, 5)
    y, ladj = transform.call_and_ladj(x)
    assert ladj.shape == (*batch_shape, 6)
    back, ladj_back = transform.inv.call_and_ladj(y)
    torch.testing.assert_close(back, x)
    torch.testing.assert_close(ladj_back, -ladj)
    torch.testing.assert_close(transform.inv.inv(x), y)


@flows
def test_it_is_a_transform_of_torch(build: Build) -> None:
    transform, x = moved(build(2))(), points(4, 2)
    assert isinstance(transform, Transform)
    base = torch.distributions.Independent(torch.distributions.Normal(x.new_zeros(2), 1.0), 1)
    law = torch.distributions.TransformedDistribution(base, [transform.inv])
    z, ladj = transform.call_and_ladj(x)
    torch.testing.assert_close(law.log_prob(x), base.log_prob(z) + ladj)


@flows
def test_gradients(build: Build) -> None:
    flow, x = moved(build(3)), points(4, 3)
    for direction in ("forward", "inverse"):

        def value(*_: Tensor, direction: str = direction) -> tuple[Tensor, Tensor]:
            transform = flow() if direction == "forward" else flow().inv
            return transform.call_and_ladj(x)

        torch.autograd.gradcheck(value, tuple(flow.parameters()))
        torch.autograd.gradcheck(
            lambda x, value=value: flow().call_and_ladj(x), (x.clone().requires_grad_(),)
        )


@flows
def test_members_are_independent_and_equal_to_single_flows(build: Build) -> None:
    ensemble = moved(build(4, (3,)))
    x = points(6, 4)
    y, ladj = ensemble().call_and_ladj(x)
    for index in range(3):
        single = build(4).double()
        single.load_state_dict({k: v[index] for k, v in ensemble.state_dict().items()})
        expected = single().call_and_ladj(x)
        torch.testing.assert_close((y[index], ladj[index]), expected)
    own = ensemble()(y.detach().requires_grad_())
    (gradient,) = torch.autograd.grad(own[1].sum(), next(ensemble.parameters()))
    assert gradient[[0, 2]].abs().max() == 0
    assert gradient[1].abs().max() > 0


@flows
def test_save_and_load(build: Build, tmp_path: Path) -> None:
    flow, other, x = moved(build(4)), build(4).double(), points(5, 4)
    save_model(flow, str(tmp_path / "flow.safetensors"))
    load_model(other, tmp_path / "flow.safetensors")
    assert torch.equal(flow()(x), other()(x))


def test_initial_weights_depend_on_the_seed_of_the_member_alone() -> None:
    ensemble = RealNVP(4, batch_shape=(2,), seeds=(5, 8), **SMALL)
    assert torch.equal(ensemble.weights[1], RealNVP(4, seeds=8, **SMALL).weights)
    assert not torch.equal(ensemble.weights[0], ensemble.weights[1])


def test_composition_adds_log_determinants_and_inverts() -> None:
    first, second = moved(realnvp(3))(), moved(affine(3))()
    both, x = Composed(first, second), points(6, 3)
    y, ladj = both.call_and_ladj(x)
    middle, ladj_first = first.call_and_ladj(x)
    end, ladj_second = second.call_and_ladj(middle)
    torch.testing.assert_close((y, ladj), (end, ladj_first + ladj_second))
    torch.testing.assert_close(both.inv(y), x)


def test_one_feature_and_a_wrong_number_of_seeds_are_refused() -> None:
    with pytest.raises(InputError, match="halves"):
        RealNVP(1)
    with pytest.raises(InputError, match="2 given for the 3 members"):
        RealNVP(2, batch_shape=(3,), seeds=(0, 1))


def test_the_density_starts_at_the_standard_normal_and_integrates_to_one() -> None:
    density = RealNVPDensity(2, **SMALL).double()
    axis = torch.linspace(-30, 30, 801, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    cell = (axis[1] - axis[0]) ** 2
    normal = torch.distributions.Normal(0.0, 1.0).log_prob(grid).sum(-1)
    torch.testing.assert_close(density().log_prob(grid), normal)
    assert (moved(density, seed=3)().log_prob(grid).exp().sum() * cell).item() == pytest.approx(
        1, abs=1e-2
    )


def test_samples_have_the_shape_and_the_law_of_their_member() -> None:
    torch.manual_seed(0)
    density = moved(RealNVPDensity(3, batch_shape=(2,), **SMALL))
    drawn = density().sample((5, 1000))
    assert drawn.shape == (2, 5, 1000, 3)
    latent = density.transform()(drawn.flatten(1, 2))
    assert latent.mean(1).detach() == pytest.approx(torch.zeros(2, 3), abs=0.08)
    assert latent.std(1).detach() == pytest.approx(torch.ones(2, 3), abs=0.05)
    assert not torch.allclose(latent[0], latent[1], atol=0.1)
