from __future__ import annotations

import copy
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_model, save_model
from torch import Tensor, nn
from torch.distributions import MultivariateNormal
from torch.nn.functional import pixel_unshuffle

from isthmus.alignment.back_to_back import BackToBack
from isthmus.densities import fit
from isthmus.densities.glow import ActNorm, Coupling, Glow, GlowDensity, InvertibleConvolution
from isthmus.errors import InputError

SHAPES = [((1, 4, 4), 1), ((1, 8, 8), 2), ((2, 8, 4), 2), ((3, 8, 8), 3)]


def moved(module: nn.Module, size: float = 0.2, seed: int = 0) -> nn.Module:
    """The module in double precision, its parameters moved away from the start."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.double().parameters():
            noise = torch.randn(parameter.shape, dtype=torch.float64, generator=generator)
            parameter.add_(size * noise)
    return module


def draws(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def small(shape: tuple[int, int, int] = (1, 4, 4), levels: int = 2) -> Glow:
    return Glow(shape, levels=levels, steps=2, filters=4)


@pytest.mark.parametrize(("shape", "levels"), SHAPES)
def test_the_start_is_exactly_the_identity(shape: tuple[int, int, int], levels: int) -> None:
    x = draws(5, math.prod(shape)).float()
    transform = Glow(shape, levels=levels, steps=4, filters=8)()
    for direction in (transform, transform.inv):
        y, ladj = direction.call_and_ladj(x)
        assert torch.equal(y, x)
        assert torch.equal(ladj, torch.zeros(5))


@pytest.mark.parametrize(("shape", "levels"), SHAPES)
def test_the_inverse_undoes_the_map_and_its_volume(
    shape: tuple[int, int, int], levels: int
) -> None:
    transform = moved(small(shape, levels))()
    x = draws(4, math.prod(shape))
    y, ladj = transform.call_and_ladj(x)
    back, back_ladj = transform.inv.call_and_ladj(y)
    assert not torch.isclose(y, x).any()
    torch.testing.assert_close(back, x)
    torch.testing.assert_close(back_ladj, -ladj)


@pytest.mark.parametrize("inverted", [False, True])
def test_log_determinant_is_that_of_the_jacobian(inverted: bool) -> None:
    transform = moved(small())()
    transform = transform.inv if inverted else transform
    x = draws(3, 16)
    _, ladj = transform.call_and_ladj(x)
    for point, value in zip(x, ladj, strict=True):
        jacobian = torch.autograd.functional.jacobian(transform, point)
        torch.testing.assert_close(torch.linalg.slogdet(jacobian).logabsdet, value)


@given(width=st.sampled_from([2, 4, 6, 12]), seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_the_convolution_is_one_matrix_at_every_pixel(width: int, seed: int) -> None:
    layer = moved(InvertibleConvolution(width), 0.5, seed)
    columns = torch.eye(width, dtype=torch.float64).view(width, width, 1, 1)
    matrix = layer(columns)[0].view(width, width).mT
    inverse = layer.inverse(columns)[0].view(width, width).mT  # type: ignore[operator]
    x = draws(2, width, 3, 5, seed=seed)
    y, ladj = layer(x)
    torch.testing.assert_close(y, torch.einsum("ij,njhw->nihw", matrix, x))
    torch.testing.assert_close(ladj, 15 * torch.linalg.slogdet(matrix).logabsdet)
    torch.testing.assert_close(inverse @ matrix, torch.eye(width, dtype=torch.float64))


def test_the_convolution_swaps_halves_at_the_start() -> None:
    x = draws(2, 6, 2, 2)
    y, _ = InvertibleConvolution(6).double()(x)
    assert torch.equal(y, torch.cat([x[:, 3:], x[:, :3]], 1))


def test_actnorm_in_closed_form() -> None:
    layer = ActNorm(2).double()
    with torch.no_grad():
        layer.log_scale.copy_(torch.tensor([2.0, 0.5]).log().view(2, 1, 1))
        layer.shift.copy_(torch.tensor([1.0, -1.0]).view(2, 1, 1))
    y, ladj = layer(torch.ones(1, 2, 3, 3).double())
    assert torch.allclose(y[0, 0], torch.tensor(3.0).double())
    assert torch.allclose(y[0, 1], torch.tensor(-0.5).double())
    assert ladj.item() == pytest.approx(9 * math.log(2 * 0.5), abs=1e-7)


def test_the_coupling_knows_the_edge_of_the_image_and_keeps_its_first_half() -> None:
    layer = moved(Coupling(4, 8), 0.5)
    x = torch.zeros(1, 4, 7, 7, dtype=torch.float64)
    y, _ = layer(x)
    assert torch.equal(y[:, :2], x[:, :2])
    assert torch.allclose(y[..., 3, 3], y[..., 2, 3])
    for row in (0, 1):
        assert not torch.isclose(y[0, 2:, row, 3], y[0, 2:, 3, 3]).any()


def test_deeper_levels_leave_alone_what_a_level_keeps() -> None:
    flow, x = small((1, 8, 8), levels=2), draws(3, 64)
    moved(flow)
    before = flow()(x)
    assert flow.level.deeper is not None
    moved(flow.level.deeper, seed=1)
    same = pixel_unshuffle((flow()(x) == before).view(3, 1, 8, 8), 2)
    assert same[:, :2].all()
    assert not same[:, 2:].any()


def test_the_density_starts_standard_normal() -> None:
    x = draws(5, 16).float()
    law = GlowDensity((1, 4, 4), levels=2, steps=2, filters=4)()
    normal = MultivariateNormal(torch.zeros(16), torch.eye(16))
    torch.testing.assert_close(law.log_prob(x), normal.log_prob(x))
    assert law.sample((3, 2)).shape == (3, 2, 16)


def test_the_density_integrates_to_one() -> None:
    law = moved(GlowDensity((1, 2, 2), levels=1, steps=2, filters=4))()
    wide = MultivariateNormal(torch.zeros(4).double(), 9 * torch.eye(4).double())
    x = 3 * draws(200_000, 4)
    with torch.no_grad():
        ratio = (law.log_prob(x) - wide.log_prob(x)).exp()
    error = ratio.std().item() / len(ratio) ** 0.5
    assert error < 0.02
    assert ratio.mean().item() == pytest.approx(1, abs=4 * error)


def test_samples_follow_the_density() -> None:
    density = moved(GlowDensity((1, 2, 2), levels=1, steps=2, filters=4))
    torch.manual_seed(0)
    x = density().sample((50_000,))
    with torch.no_grad():
        latent = density.transform()(x)  # type: ignore[operator]
    torch.testing.assert_close(latent.mean(0), torch.zeros(4).double(), atol=0.02, rtol=0)
    torch.testing.assert_close(latent.T.cov(), torch.eye(4).double(), atol=0.03, rtol=0)


def test_log_prob_is_differentiable_in_points_and_weights() -> None:
    density = moved(GlowDensity((1, 4, 4), levels=2, steps=2, filters=2))
    x = draws(2, 16).requires_grad_()
    assert torch.autograd.gradcheck(lambda points: density().log_prob(points), (x,))
    density().log_prob(x).sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in density.parameters())


def test_the_weights_round_trip_and_a_copy_is_independent(tmp_path: Path) -> None:
    one, other = moved(small()), small().double()
    copied = copy.deepcopy(one)
    save_model(one, str(tmp_path / "w.safetensors"))
    load_model(other, str(tmp_path / "w.safetensors"))
    x = draws(4, 16)
    expected = one()(x)
    assert torch.equal(other()(x), expected)
    moved(one, seed=1)
    assert torch.equal(copied()(x), expected)
    assert not torch.equal(one()(x), expected)


def test_one_seed_gives_one_model_and_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    a, b, c = (Glow((1, 4, 4), seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.rand(2), expected)
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not all(torch.equal(a[name], c[name]) for name in a)


def test_fit_learns_a_law_it_can_hold() -> None:
    x = 0.5 * draws(2000, 16).float() + 2
    density = GlowDensity((1, 4, 4), levels=1, steps=2, filters=4)
    result = fit(density, x, steps=200, learning_rate=0.02)
    entropy = 16 * (math.log(0.5) + 0.5 * math.log(2 * math.pi * math.e))
    assert result.nll.item() == pytest.approx(entropy, abs=0.5)


def test_back_to_back_of_one_density_is_the_identity() -> None:
    density = moved(GlowDensity((1, 4, 4), levels=2, steps=2, filters=4))
    x = draws(4, 16)
    y, ladj = BackToBack(density, density)().call_and_ladj(x)
    torch.testing.assert_close(y, x)
    torch.testing.assert_close(ladj, torch.zeros(4).double())


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"shape": (1, 6, 8)}, "shape"),
        ({"shape": (0, 8, 8)}, "shape"),
        ({"levels": 0}, "levels"),
        ({"steps": 3}, "steps"),
        ({"steps": 0}, "steps"),
        ({"filters": 0}, "filters"),
    ],
)
def test_impossible_sizes_are_refused(options: dict[str, object], where: str) -> None:
    with pytest.raises(InputError, match=where):
        Glow(**{"shape": (1, 8, 8), "levels": 2} | options)  # type: ignore[arg-type]
