from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from isthmus.alignment.distances import gaussian_lr_distance
from isthmus.alignment.likelihood_ratio import (
    bayes_classifier,
    gan_value,
    jensen_shannon,
    lr_distance,
)
from isthmus.densities import Gaussian, GaussianMixture, RealNVPDensity
from isthmus.densities.gaussian import moments
from isthmus.errors import InputError


def cloud(n: int, width: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, width, generator=generator, dtype=torch.float64)


def normal(mean: float, scale: float) -> Gaussian:
    moments = torch.tensor([mean]).double(), torch.tensor([[scale**2]]).double()
    return Gaussian(1).double().set_moments(*moments)


# The distance


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4))
def test_fitted_gaussians_give_the_closed_form(seed: int, width: int) -> None:
    a = cloud(60, width, seed)
    b = 1.5 * cloud(60, width, seed + 1) + 0.7
    distance = lr_distance(a, b, Gaussian(width).double())
    torch.testing.assert_close(distance, gaussian_lr_distance(*moments(a), *moments(b)))
    assert distance > 0
    torch.testing.assert_close(lr_distance(b, a, Gaussian(width).double()), distance)
    assert abs(lr_distance(a, a, Gaussian(width).double())) < 1e-12


def test_two_points_a_side_by_hand() -> None:
    a = torch.tensor([[-3.0], [-1.0]]).double()
    assert lr_distance(a, a + 4, Gaussian(1).double()).item() == pytest.approx(math.log(5))


def test_members_of_an_ensemble_stay_apart() -> None:
    a, b = cloud(50, 2, 0), cloud(50, 2, 1) + 1
    pairs = torch.stack([a, b]), torch.stack([b, b])
    distances = lr_distance(*pairs, Gaussian(2, batch_shape=(2,)).double())
    torch.testing.assert_close(distances[0], lr_distance(a, b, Gaussian(2).double()))
    assert abs(distances[1]) < 1e-12


def test_a_family_that_holds_the_mixture_saturates_and_a_gaussian_does_not() -> None:
    a, b = cloud(300, 2, 0) - 20, cloud(300, 2, 1) + 20
    mixture = lr_distance(a, b, GaussianMixture(2, 2).double()).item()
    assert mixture == pytest.approx(2 * math.log(2), abs=0.05)
    assert lr_distance(a, b, Gaussian(2).double()).item() > 5


def test_a_family_without_a_fit_of_its_own_is_trained_by_adam() -> None:
    a, b = cloud(200, 2, 0).float(), cloud(200, 2, 1).float() + 2
    density = RealNVPDensity(2, couplings=2, hidden=(8,))
    before = density.transform.weights.detach().clone()
    assert lr_distance(a, b, density, steps=150, learning_rate=1e-2).item() > 0.3
    assert torch.equal(density.transform.weights, before)


def test_samples_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(InputError, match="60 samples where a has 50"):
        lr_distance(cloud(50, 2, 0), cloud(60, 2, 1), Gaussian(2).double())
    with pytest.raises(InputError, match="3 features where a has 2"):
        lr_distance(cloud(50, 2, 0), cloud(50, 3, 1), Gaussian(2).double())


# The Bayes classifier, the GAN value, the divergence


def test_the_bayes_classifier_of_two_normal_laws_is_logistic() -> None:
    x = torch.linspace(-50, 50, 101).double().unsqueeze(-1)
    found = bayes_classifier(normal(1, 2)(), normal(-1, 2)(), x)
    torch.testing.assert_close(found, (x.squeeze(-1) / 2).sigmoid())
    swapped = bayes_classifier(normal(-1, 2)(), normal(1, 2)(), x)
    torch.testing.assert_close(found + swapped, torch.ones_like(found))


def test_no_classifier_has_a_larger_gan_value_than_bayes() -> None:
    a, b = cloud(20000, 1, 0) + 1, 2 * cloud(20000, 1, 1)
    log_ratio = [normal(1, 1)().log_prob(x) - normal(0, 2)().log_prob(x) for x in (a, b)]
    best = gan_value(*log_ratio)
    for scale, shift in ((0.7, 0.0), (1.4, 0.0), (1.0, 0.4), (1.0, -0.4)):
        assert gan_value(*(scale * logit + shift for logit in log_ratio)) < best


def test_the_gan_value_by_hand_and_far_out() -> None:
    zero, far = torch.zeros(3), torch.full((3,), 1e4)
    assert gan_value(zero, zero).item() == pytest.approx(-2 * math.log(2))
    assert gan_value(far, -far).item() == 0


def test_the_divergence_of_two_normal_laws_is_that_of_quadrature() -> None:
    law_a, law_b = normal(0, 1)(), normal(1.5, 0.7)()
    x = torch.linspace(-12, 12, 20001).double().unsqueeze(-1)
    p, q = law_a.log_prob(x).exp(), law_b.log_prob(x).exp()
    m = (p + q) / 2
    integrand = torch.xlogy(p, p / m) + torch.xlogy(q, q / m)
    by_quadrature = np.trapezoid(integrand.detach() / 2, x.squeeze(-1))
    a, b = cloud(200_000, 1, 0), 0.7 * cloud(200_000, 1, 1) + 1.5
    found = jensen_shannon(law_a, law_b, a, b).item()
    assert found == pytest.approx(by_quadrature, abs=3e-3)
    assert jensen_shannon(law_b, law_a, b, a).item() == pytest.approx(found)


def test_the_divergence_at_its_two_ends() -> None:
    a = cloud(100, 1, 0)
    assert jensen_shannon(normal(0, 1)(), normal(0, 1)(), a, a).item() == pytest.approx(
        0, abs=1e-12
    )
    apart = jensen_shannon(normal(0, 1)(), normal(500, 1)(), a, a + 500)
    assert apart.item() == pytest.approx(math.log(2))
