from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
import zuko
from sklearn.exceptions import NotFittedError
from torch import Tensor, nn

from isthmus.alignment.lrmf import LRMF, lr_constant, lrmf_loss
from isthmus.densities import (
    Affine,
    Gaussian,
    GaussianMixture,
    RealNVP,
    RealNVPDensity,
)
from isthmus.errors import InputError

MIXING = torch.tensor([[1.0, 0.7], [-0.2, 0.5]], dtype=torch.float64)


def cloud(n: int = 400, seed: int = 0) -> Tensor:
    return torch.randn(n, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def small(*members: int, seeds: Any = None) -> dict[str, nn.Module]:
    options: dict[str, Any] = {"couplings": 4, "hidden": (16,), "batch_shape": members}
    return {
        "density": RealNVPDensity(2, seeds=seeds, **options),
        "flow": RealNVP(2, seeds=seeds, **options),
    }


# The loss


def test_the_sign_and_the_size_of_every_term() -> None:
    a, b, c = cloud(50, 0), cloud(70, 1), 0.7
    flow, shared = Affine(2).double(), Gaussian(2).double()
    with torch.no_grad():
        flow.matrix.copy_(MIXING)
        flow.translation.fill_(0.3)
        shared.mean.fill_(0.2)
    normal = torch.distributions.Normal(0.2, 1.0)
    log_det = math.log(abs(1.0 * 0.5 + 0.7 * 0.2))
    expected = (
        -log_det
        - normal.log_prob(a @ MIXING.mT + 0.3).sum(-1).mean()
        - normal.log_prob(b).sum(-1).mean()
        + c
    )
    torch.testing.assert_close(lrmf_loss(flow, shared, a, b, c), expected)
    first, second = Gaussian(2).double().fit(a), Gaussian(2).double().fit(b)
    expected = first().log_prob(a).mean() + second().log_prob(b).mean()
    torch.testing.assert_close(lr_constant(first, second, a, b), expected)


def test_it_is_zero_at_the_identity_on_two_samples_of_one_law() -> None:
    a, b = cloud(4000, 0) @ MIXING, cloud(4000, 1) @ MIXING
    private = Gaussian(2).double().fit(a), Gaussian(2).double().fit(b)
    shared = Gaussian(2).double().fit(torch.cat([a, b]))
    loss = lrmf_loss(Affine(2).double(), shared, a, b, lr_constant(*private, a, b)).item()
    assert 0 <= loss < 5 * 5 / (2 * 4000)  # twice the loss times n is chi-squared, 5 degrees


def test_it_is_the_sum_of_two_divergences_and_never_below_zero() -> None:
    a, b = cloud(200, 2) @ MIXING + 1, cloud(200, 3)
    constant = lr_constant(Gaussian(2).double().fit(a), Gaussian(2).double().fit(b), a, b)
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        flow, shared = Affine(2).double(), Gaussian(2).double()
        with torch.no_grad():
            for parameter in (*flow.parameters(), *shared.parameters()):
                parameter.add_(torch.randn(parameter.shape, generator=generator))
        assert lrmf_loss(flow, shared, a, b, constant) > 0


def test_it_does_not_depend_on_the_order_of_the_samples() -> None:
    a, b, models = cloud(60, 4), cloud(50, 5), small()
    for model in models.values():
        torch.nn.init.normal_(next(model.double().parameters()), std=0.3)
    loss = lrmf_loss(models["flow"], models["density"], a, b, 0.0)
    torch.testing.assert_close(
        loss, lrmf_loss(models["flow"], models["density"], a.flip(0), b.roll(7, 0), 0.0)
    )


def test_gradients_of_the_loss() -> None:
    models = small()
    for model in models.values():
        torch.nn.init.normal_(next(model.double().parameters()), std=0.3)
    parameters = [p for model in models.values() for p in model.parameters()]
    torch.autograd.gradcheck(
        lambda *_: lrmf_loss(models["flow"], models["density"], cloud(6, 6), cloud(5, 7), 0.0),
        parameters,
    )


def test_unlimited_capacity_gives_twice_the_jensen_shannon_divergence() -> None:
    """Disjoint clouds, S their equal mixture: 2 JSD = 2 log 2, and no slope to descend along."""
    a, b = cloud(500, 8) - 20, cloud(500, 9) + 20
    private = Gaussian(2).double().fit(a), Gaussian(2).double().fit(b)
    shared = GaussianMixture(2, 2).double().fit(torch.cat([a, b]))
    flow = Affine(2).double()
    loss = lrmf_loss(flow, shared, a, b, lr_constant(*private, a, b))
    assert loss.item() == pytest.approx(2 * math.log(2), abs=1e-3)
    loss.backward()
    assert flow.translation.grad.norm() < 1e-6


# The exact solution for Gaussians


def test_gaussians_apart_lose_log_five_before_and_nothing_after() -> None:
    x = torch.randn(1000, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x = (x - x.mean()) / x.std(correction=0)
    result = LRMF(Gaussian(1), Affine(1)).fit(x, x + 4, held_out=(x, x + 4)).result_
    assert result.curve[0].item() == pytest.approx(math.log(5), abs=1e-5)
    assert result.value == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e3])
def test_affine_alignment_matches_mean_and_covariance(scale: float) -> None:
    a, b = cloud(500, 1) @ MIXING + 3, scale * (cloud(400, 2) - 1)
    held_out = cloud(200, 3) @ MIXING + 3, scale * (cloud(200, 4) - 1)
    model = LRMF(Gaussian(2), Affine(2)).fit(a, b, held_out=held_out)
    image = model.transform(a)
    torch.testing.assert_close(image.mean(0) / scale, b.mean(0) / scale, atol=1e-5, rtol=0)
    covariances = (x.mT.cov(correction=0) / scale**2 for x in (image, b))
    torch.testing.assert_close(*covariances, atol=1e-5, rtol=0)
    assert model.result_.certificate.within_tolerance
    torch.testing.assert_close(model.inverse_transform(image), a)


def test_the_exact_solution_does_not_depend_on_the_order_of_the_samples() -> None:
    a, b = cloud(300, 1) @ MIXING + 3, cloud(300, 2)
    first, second = (
        LRMF(Gaussian(2), Affine(2)).fit(x, y, held_out=(a, b)).flow_.matrix
        for x, y in ((a, b), (a.flip(0), b.roll(3, 0)))
    )
    torch.testing.assert_close(first, second, atol=1e-7, rtol=0)


def test_members_of_the_exact_solution_are_the_single_models() -> None:
    a = torch.stack([cloud(300, 1) @ MIXING, cloud(300, 2) @ MIXING.mT + 3])
    b = torch.stack([cloud(300, 3), cloud(300, 4)])
    model = LRMF(Gaussian(2, batch_shape=(2,)), Affine(2, batch_shape=(2,)), seeds=(0, 1))
    together = model.fit(a, b, held_out=(a, b)).transform(a)
    for index in range(2):
        x, y = a[index], b[index]
        alone = LRMF(Gaussian(2), Affine(2)).fit(x, y, held_out=(x, y)).transform(x)
        torch.testing.assert_close(together[index], alone)


# The descent


def test_it_aligns_a_shifted_and_stretched_cloud_and_certifies_it() -> None:
    a, b = 0.6 * cloud(2000, 0).float() + 1, cloud(2000, 1).float()
    model = LRMF(**small(), steps=400, learning_rate=5e-3).fit(a, b)
    certificate = model.result_.certificate
    assert certificate.within_tolerance, str(certificate)
    assert model.result_.curve[0] > 0.5
    assert abs(model.result_.curve[-50:].mean()) < 0.1
    image = model.transform(a)
    assert image.mean(0) == pytest.approx(np.zeros(2), abs=0.1)
    assert image.mT.cov() == pytest.approx(np.eye(2), abs=0.15)
    assert (image - (a - 1) / 0.6).norm(dim=-1).mean() < 0.3, "the nearest of many maps"
    torch.testing.assert_close(model.inverse_transform(image), a, atol=1e-4, rtol=1e-4)
    assert model.score(a, b).item() == pytest.approx(0, abs=0.1)
    assert LRMF(**small(), steps=1).fit(a, b, private=model.private_).score(a, b) < -0.5


def test_a_flow_that_cannot_align_is_told_by_the_certificate() -> None:
    """Two clouds cannot become one by an affine map: the loss stays above its known zero."""
    a = torch.cat([0.2 * cloud(500, 0) - 2, 0.2 * cloud(500, 1) + 2]).float()
    b = cloud(1000, 2).float()
    model = LRMF(small()["density"], Affine(2), steps=300, learning_rate=5e-3)
    certificate = model.fit(a, b).result_.certificate
    assert certificate.value > 0.3
    assert not certificate.within_tolerance
    assert not certificate.zero_inside


def test_a_member_aligns_as_the_single_model_of_its_seed() -> None:
    a, b = cloud(300, 0).float() @ MIXING.float() + 1, cloud(300, 1).float()
    seeds = (5, 2)
    together = LRMF(**small(2, seeds=seeds), steps=20, seeds=seeds).fit(a, b)
    assert together.transform(a).shape == (2, 300, 2)
    for index, seed in enumerate(seeds):
        alone = LRMF(**small(seeds=seed), steps=20, seeds=seed).fit(a, b)
        certificates = together.result_.certificates[index], alone.result_.certificate
        assert certificates[0].value == pytest.approx(certificates[1].value, abs=1e-4)
        torch.testing.assert_close(
            together.transform(a)[index], alone.transform(a), atol=1e-4, rtol=1e-4
        )


def test_the_same_seed_gives_the_same_bytes_and_inputs_are_left_alone() -> None:
    a, b = cloud(100, 0).float() + 1, cloud(100, 1).float()
    models = small()
    runs = [LRMF(**models, steps=10, seeds=3).fit(a.numpy(), b.numpy()) for _ in range(2)]
    assert torch.equal(runs[0].transform(a), runs[1].transform(a))
    x, _ = models["flow"]().call_and_ladj(a)
    assert torch.equal(x, a), "the flow that was given is a template"


def test_a_mixture_serves_as_the_family() -> None:
    b = torch.cat([0.4 * cloud(400, 0) - 1.5, 0.4 * cloud(400, 1) + 1.5])
    a = torch.cat([0.4 * cloud(400, 2) - 1.5, 0.4 * cloud(400, 3) + 1.5]) @ MIXING + 0.5
    model = LRMF(GaussianMixture(2, 2), Affine(2), steps=500, learning_rate=0.02).fit(a, b)
    assert model.result_.curve[0] > 0.3
    assert model.result_.certificate.within_tolerance, str(model.result_.certificate)


def test_models_of_zuko_drop_in() -> None:
    torch.manual_seed(0)
    density = zuko.flows.NSF(2, transforms=2, hidden_features=(16, 16))
    flow = zuko.flows.MAF(2, transforms=2, hidden_features=(16, 16)).transform
    a, b = cloud(500, 0).float() + 1, cloud(500, 1).float()
    model = LRMF(density, flow, steps=150, learning_rate=5e-3).fit(a, b)
    assert model.result_.curve[-20:].mean() < model.result_.curve[:5].mean() - 0.3
    torch.testing.assert_close(model.inverse_transform(model.transform(a)), a, atol=1e-3, rtol=1e-3)


def test_private_densities_may_be_given() -> None:
    a, b = cloud(200, 0).float() + 1, cloud(200, 1).float()
    models = small()
    first = LRMF(**models, steps=15).fit(a, b, held_out=(a, b))
    again = LRMF(**models, steps=15).fit(a, b, held_out=(a, b), private=first.private_)
    assert first.result_.certificates == again.result_.certificates


def test_the_worst_member_stands_for_all() -> None:
    a, b = cloud(200, 0).float() + 1, cloud(200, 1).float()
    result = LRMF(**small(3), steps=5, seeds=range(3)).fit(a, b).result_
    assert len(result.certificates) == 3
    assert abs(result.value) == max(abs(each.value) for each in result.certificates)


def test_what_cannot_be_aligned_is_refused() -> None:
    a, model = cloud(50), LRMF(steps=1)
    for bad, problem in (
        (a[:1], "b: has a single sample"),
        (a[:0], "b: is empty"),
        (torch.cat([a, a], 1), "b: has 4 features where a has 2"),
        (a * float("nan"), "b: row 0, column 0: is not a finite number"),
        (torch.stack([a[:, 0], a[:, 0] * 0], 1), "b: column 1: is constant"),
    ):
        with pytest.raises(InputError, match=problem):
            model.fit(a, bad)
    with pytest.raises(InputError, match="held_out"):
        model.fit(a[:4], a)
    with pytest.raises(InputError, match="held_out b: has 1 features"):
        model.fit(a, a, held_out=(a, a[:, :1]))
    with pytest.raises(InputError, match="flow: has batch_shape"):
        LRMF(flow=RealNVP(2, batch_shape=(2,))).fit(a, a)
    with pytest.raises(InputError, match="private: has batch_shape"):
        LRMF(Gaussian(2), Affine(2)).fit(a, a, private=(Gaussian(2, batch_shape=(2,)),) * 2)
    with pytest.raises(NotFittedError):
        model.transform(a)
