from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isthmus.errors import InputError
from isthmus.stability.leaking import (
    additive_noise,
    augment,
    circulant,
    jensen_shannon,
    leak,
    observed,
    recover,
    recovery_error,
    total_variation,
    trained_laws,
    uniform,
    with_probability,
)
from isthmus.stages.leaking_augmentation import draw, study

NEARLY = [0.28, 0.24, 0.24, 0.24]
UPRIGHT = [1.0, 0.0, 0.0, 0.0]


def laws(n: int = 4) -> st.SearchStrategy[np.ndarray]:
    entries = st.lists(st.floats(0.01, 1), min_size=n, max_size=n)
    return entries.map(lambda values: np.array(values) / sum(values))


def test_uniform_rotations_leak() -> None:
    found = leak(uniform(4))
    assert found.leaks and found.condition == math.inf
    assert found.spectrum == pytest.approx([1, 0, 0, 0], abs=1e-15)


def test_nearly_uniform_rotations_are_invertible_with_condition_25() -> None:
    found = leak(NEARLY)
    assert not found.leaks and found.condition == pytest.approx(25)
    assert found.spectrum == pytest.approx([1, 0.04, 0.04, 0.04])


@given(st.floats(0, 0.99))
def test_the_condition_number_of_rotating_with_probability_p(p: float) -> None:
    found = leak(with_probability(p, uniform(4)))
    assert found.condition == pytest.approx(1 / (1 - p), rel=1e-9)


@given(laws(5))
def test_the_spectrum_is_that_of_the_operator(policy: np.ndarray) -> None:
    singular = np.linalg.svd(circulant(policy), compute_uv=False)
    np.testing.assert_allclose(np.sort(leak(policy).spectrum)[::-1], singular, atol=1e-12)


@given(laws(), laws(), laws())
def test_policies_compose_to_one_whose_spectrum_is_the_product(
    first: np.ndarray, second: np.ndarray, law: np.ndarray
) -> None:
    both = augment(first, second)
    expected = np.multiply(leak(first).spectrum, leak(second).spectrum)
    np.testing.assert_allclose(leak(both).spectrum, expected, atol=1e-12)
    np.testing.assert_allclose(augment(both, law), augment(first, augment(second, law)))


def test_a_mixture_of_invertible_policies_may_leak() -> None:
    forth, back = np.eye(4)[1], np.eye(4)[3]
    assert not leak(forth).leaks and not leak(back).leaks
    assert leak((forth + back) / 2).leaks


@given(laws(), st.floats(0.51, 1))
def test_a_policy_that_mostly_leaves_samples_alone_does_not_leak(
    policy: np.ndarray, identity: float
) -> None:
    assert not leak(with_probability(1 - identity, policy)).leaks


@pytest.mark.parametrize("deviation", [0.5, 1.0, 2.0])
def test_additive_noise_has_the_spectrum_of_its_characteristic_function(deviation: float) -> None:
    frequency = 2 * np.pi * (np.arange(16)[:, None] / 16 + np.arange(-4, 5))
    expected = np.exp(-((deviation * frequency) ** 2) / 2).sum(1)
    found = leak(additive_noise(16, deviation))
    assert found.spectrum == pytest.approx(expected / expected[0], abs=1e-12)
    assert not found.leaks


@given(laws(), st.floats(0, 0.95))
def test_recovery_undoes_the_augmentation(law: np.ndarray, p: float) -> None:
    policy = with_probability(p, uniform(4))
    np.testing.assert_allclose(recover(policy, augment(policy, law)), law, atol=1e-10)


@pytest.mark.parametrize("p", [0.0, 0.5, 0.8, 0.9])
def test_the_recovery_error_grows_with_the_condition_number(p: float) -> None:
    law, policy, count = np.array([0.4, 0.3, 0.2, 0.1]), with_probability(p, uniform(4)), 10_000
    error = recovery_error(policy, law, observed(policy, law, samples=count, repeats=4000, seed=0))
    variance = (1 - np.square(augment(policy, law)).sum()) / count
    expected = leak(policy).condition * math.sqrt(variance)
    assert math.sqrt(np.square(error).mean()) == pytest.approx(expected, rel=0.03)


def test_frequencies_are_those_of_the_augmented_law() -> None:
    shares = observed(NEARLY, UPRIGHT, samples=1000, repeats=2000, seed=1)
    np.testing.assert_allclose(shares.sum(1), 1)
    np.testing.assert_allclose(shares.mean(0), NEARLY, atol=2e-3)


def test_the_divergence_of_disjoint_and_of_equal_laws() -> None:
    p, q = torch.eye(4, dtype=torch.float64)[:2]
    assert float(jensen_shannon(p, q)) == pytest.approx(math.log(2))
    assert float(jensen_shannon(q, q)) == 0
    forth = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64)
    back = forth.flip(0)
    torch.testing.assert_close(jensen_shannon(forth, back), jensen_shannon(back, forth))
    assert torch.autograd.gradcheck(lambda x: jensen_shannon(back, x), forth.requires_grad_())


def generators(policy: np.ndarray, steps: int) -> np.ndarray:
    frequencies = observed(policy, UPRIGHT, samples=100_000, repeats=32, seed=2)
    return trained_laws(policy, frequencies, steps=steps, learning_rate=0.1, seed=3)


def test_under_uniform_rotations_a_generator_stays_where_it_began() -> None:
    begun, trained = generators(uniform(4), 0), generators(uniform(4), 100)
    np.testing.assert_allclose(begun, trained, atol=0.02)
    assert len(set(trained.argmax(1))) == 4
    assert total_variation(trained, UPRIGHT).mean() > 0.5


@pytest.mark.parametrize("p", [0.0, 0.5, 0.8])
def test_under_rarer_rotations_every_generator_finds_the_law(p: float) -> None:
    assert total_variation(generators(with_probability(p, uniform(4)), 400), UPRIGHT).max() < 0.05


def test_the_study_repeats_and_draws(tmp_path) -> None:
    settings = {"samples": 1000, "restarts": 4, "steps": 5, "learning_rate": 0.1, "seed": 0}
    metrics = study(**settings)
    assert metrics == study(**settings)
    assert "condition" not in metrics["uniform-rotation"]
    assert metrics["rotation-0-8"]["condition"]["mean"] == pytest.approx(5)
    assert metrics["additive-noise"]["smallest_eigenvalue"]["mean"] > 1e-6
    draw(metrics, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


@pytest.mark.parametrize("weights", [[], [0.5, 0.6], [1.5, -0.5], [[0.5, 0.5]], [math.nan, 1.0]])
def test_what_is_no_law_is_refused(weights: list[float]) -> None:
    with pytest.raises(InputError, match="no probabilities"):
        leak(weights)


def test_recovery_refuses_a_policy_that_leaks_and_another_length() -> None:
    with pytest.raises(InputError, match="leak"):
        recover(uniform(4), uniform(4))
    with pytest.raises(InputError, match="shape"):
        augment(NEARLY, uniform(3))
