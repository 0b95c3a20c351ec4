from __future__ import annotations

import pytest
import torch
from sklearn.mixture import GaussianMixture as Reference

from isthmus.densities import Gaussian, GaussianMixture
from isthmus.errors import InputError


def two_clouds(n: int = 500, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 2, dtype=torch.float64, generator=generator)
    return torch.cat([0.5 * x[: n // 4] - 3, x[n // 4 :] + 2])


def test_one_component_is_a_gaussian() -> None:
    x = two_clouds()
    mixture, gaussian = GaussianMixture(2, 1).double().fit(x), Gaussian(2).double().fit(x)
    torch.testing.assert_close(mixture().log_prob(x), gaussian().log_prob(x), rtol=1e-5, atol=1e-5)


def test_log_density_after_em_is_that_of_the_reference() -> None:
    x = two_clouds()
    density = GaussianMixture(2, 2, seeds=7).double().fit(x)
    reference = Reference(2, random_state=7, tol=1e-6, max_iter=1000).fit(x.numpy())
    torch.testing.assert_close(
        density().log_prob(x), torch.from_numpy(reference.score_samples(x.numpy()))
    )
    assert density().log_prob(x[0]).shape == ()


def test_each_member_of_an_ensemble_is_the_single_model() -> None:
    x = two_clouds()
    ensemble = GaussianMixture(2, 3, batch_shape=(2,), seeds=(4, 9)).double()
    singles = [GaussianMixture(2, 3, seeds=seed).double() for seed in (4, 9)]
    for fitted in (False, True):
        if fitted:
            for density in (ensemble, *singles):
                density.fit(x)
        expected = torch.stack([single().log_prob(x) for single in singles])
        torch.testing.assert_close(ensemble().log_prob(x), expected)


def test_samples_follow_the_law() -> None:
    torch.manual_seed(0)
    x = two_clouds(4000)
    density = GaussianMixture(2, 2, batch_shape=(2,)).double().fit(x)
    drawn = density().sample((10_000,))
    assert drawn.shape == (2, 10_000, 2)
    for member in drawn:
        assert member.mean(0) == pytest.approx(x.mean(0), abs=0.1)
        assert member.mT.cov() == pytest.approx(x.mT.cov(), abs=0.2)
    nll = -density().log_prob(x).mean(-1)
    assert -density().log_prob(drawn).mean(-1).detach() == pytest.approx(nll.detach(), abs=0.05)


def test_gradients_of_the_log_density() -> None:
    density = GaussianMixture(2, 3).double()
    torch.autograd.gradcheck(
        lambda *_: density().log_prob(two_clouds(8)), tuple(density.parameters())
    )


def test_fewer_samples_than_components_are_refused() -> None:
    with pytest.raises(InputError, match="3 samples for 4 components"):
        GaussianMixture(2, 4).fit([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]])
