from __future__ import annotations

import pytest
import torch
from torch import Tensor

from isthmus.alignment.certificate import Certificate, certify
from isthmus.alignment.lrmf import lr_constant, lrmf_loss
from isthmus.densities import Affine, Gaussian


def cloud(n: int, seed: int, mean: float = 0.0) -> Tensor:
    noise = torch.randn(n, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return noise + mean


def gaussian(*members: int, mean: float = 0.0) -> Gaussian:
    density = Gaussian(2, batch_shape=members).double()
    torch.nn.init.constant_(density.mean, mean)
    return density


def test_the_value_is_the_loss_and_the_error_that_of_paired_differences() -> None:
    a, b = cloud(300, 0), cloud(500, 1, mean=1.0)
    flow, private, shared = Affine(2).double(), (gaussian(), gaussian(mean=1.0)), gaussian(mean=0.3)
    (certificate,) = certify(flow, shared, private, a, b)
    loss = lrmf_loss(flow, shared, a, b, lr_constant(*private, a, b))
    assert certificate.value == pytest.approx(loss.item())
    excess_a = (private[0]().log_prob(a) - shared().log_prob(a)).detach()
    excess_b = (private[1]().log_prob(b) - shared().log_prob(b)).detach()
    error = (excess_a.var() / 300 + excess_b.var() / 500).sqrt()
    assert certificate.error == pytest.approx(error.item())
    assert len(certificate.batches) == 10
    assert sum(certificate.batches) / 10 == pytest.approx(certificate.value)


def test_the_error_is_the_scatter_over_held_out_sets() -> None:
    models = Affine(2).double(), gaussian(mean=0.2), (gaussian(), gaussian(mean=0.5))
    runs = [
        certify(*models, cloud(200, 2 * k), cloud(200, 2 * k + 1, mean=0.5))[0] for k in range(200)
    ]
    scatter = torch.tensor([run.value for run in runs]).std().item()
    assert runs[0].error == pytest.approx(scatter, rel=0.2)


def test_each_member_has_its_own_certificate() -> None:
    a, b = cloud(100, 0), cloud(100, 1)
    shared = Gaussian(2, batch_shape=(3,)).double()
    with torch.no_grad():
        shared.mean.copy_(torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]]))
    flow, private = Affine(2, batch_shape=(3,)).double(), (gaussian(3), gaussian(3))
    together = certify(flow, shared, private, a, b)
    for certificate, mean in zip(together, (0.0, 1.0, 2.0), strict=True):
        single = Gaussian(2).double()
        with torch.no_grad():
            single.mean[0] = mean
        (alone,) = certify(Affine(2).double(), single, (gaussian(), gaussian()), a, b)
        assert certificate.value == pytest.approx(alone.value)
        assert certificate.error == pytest.approx(alone.error)


@pytest.mark.parametrize(
    ("value", "error", "zero_inside", "within", "words"),
    [
        (0.01, 0.02, True, True, ("aligned:", "within", "inside")),
        (0.08, 0.02, False, True, ("aligned:", "within", "outside")),
        (0.90, 0.02, False, False, ("not aligned", "beyond", "outside")),
        (0.90, 0.80, True, False, ("not aligned", "beyond", "inside")),
        (-0.3, 0.02, False, False, ("undecided", "private densities fit worse", "outside")),
    ],
)
def test_the_verdict_and_its_sentence(
    value: float, error: float, zero_inside: bool, within: bool, words: tuple[str, ...]
) -> None:
    certificate = Certificate(value, error, (value,), tolerance=0.1)
    assert certificate.zero_inside is zero_inside
    assert certificate.within_tolerance is within
    assert all(word in str(certificate) for word in words)
    assert "\n" not in str(certificate)
