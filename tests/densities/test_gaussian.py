from __future__ import annotations

import pytest
import torch
from torch.distributions import MultivariateNormal

from isthmus.densities import Gaussian
from isthmus.errors import InputError

MEAN = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
COVARIANCE = torch.tensor(
    [[2.0, 0.3, 0.0], [0.3, 1.0, -0.4], [0.0, -0.4, 0.5]], dtype=torch.float64
)


def samples(seed: int, n: int = 400) -> torch.Tensor:
    noise = torch.randn(n, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return noise @ torch.linalg.cholesky(COVARIANCE).mT + MEAN


def test_log_density_is_torchs() -> None:
    law = Gaussian(3).double().set_moments(MEAN, COVARIANCE)()
    x = samples(0)
    expected = MultivariateNormal(MEAN, COVARIANCE).log_prob(x)
    torch.testing.assert_close(law.log_prob(x), expected)
    torch.testing.assert_close(law.log_prob(x[0]), expected[0])
    torch.testing.assert_close(law.log_prob(x.view(4, 100, 3)), expected.view(4, 100))


def test_fit_is_the_maximum_of_the_likelihood() -> None:
    x = samples(1)
    density = Gaussian(3).double().fit(x)
    assert density.mean.detach() == pytest.approx(x.mean(0))
    scale = density().scale_tril
    torch.testing.assert_close(scale @ scale.mT, x.mT.cov(correction=0))
    density().log_prob(x).mean().backward()
    assert density.mean.grad == pytest.approx(torch.zeros(3), abs=1e-10)
    assert density.cholesky.grad == pytest.approx(torch.zeros(3, 3), abs=1e-10)


def test_fit_does_not_depend_on_the_order_of_the_samples() -> None:
    x = samples(2)
    first, second = Gaussian(3).double().fit(x), Gaussian(3).double().fit(x.flip(0))
    torch.testing.assert_close(first().scale_tril, second().scale_tril)


def test_each_member_of_an_ensemble_is_the_single_model() -> None:
    x = torch.stack([samples(3), 2 * samples(4)])
    ensemble = Gaussian(3, batch_shape=(2,)).double().fit(x)
    singles = [Gaussian(3).double().fit(each)().log_prob(x[0]) for each in x]
    torch.testing.assert_close(ensemble().log_prob(x[0]), torch.stack(singles))


def test_samples_follow_the_law_of_their_member() -> None:
    torch.manual_seed(0)
    density = Gaussian(3, batch_shape=(2,)).double()
    density.set_moments(torch.stack([MEAN, -MEAN]), torch.stack([COVARIANCE, 4 * COVARIANCE]))
    drawn = density().sample((50, 400))
    assert drawn.shape == (2, 50, 400, 3)
    assert drawn.mean((1, 2)) == pytest.approx(torch.stack([MEAN, -MEAN]), abs=0.05)
    assert drawn[1].flatten(0, 1).mT.cov() == pytest.approx(4 * COVARIANCE, abs=0.2)


def test_gradients_of_the_log_density() -> None:
    density = Gaussian(3).double().set_moments(MEAN, COVARIANCE)
    torch.autograd.gradcheck(lambda x, *_: density().log_prob(x), (samples(5, 4).requires_grad_(),))
    torch.autograd.gradcheck(
        lambda *_: density().log_prob(samples(5, 4)), tuple(density.parameters())
    )


def test_dependent_features_are_refused() -> None:
    x = samples(6)
    x[:, 2] = x[:, 0] + x[:, 1]
    with pytest.raises(InputError, match="column 2: is a linear function"):
        Gaussian(3).fit(x)
