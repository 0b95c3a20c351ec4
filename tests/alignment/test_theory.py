from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from isthmus.alignment import theory
from isthmus.alignment.theory import LogLinear, minimise

SMALL: dict[str, Any] = {
    "pairs": 3,
    "flows": 2,
    "laws": 2,
    "repeats": 2,
    "samples": 100,
    "atoms": 6,
    "shifts": [0.0, 4.0],
    "gaps": [0.0, 8.0],
    "cloud": 100,
    "components": 2,
    "steps": 10,
    "classifier_steps": 20,
}


def test_minimise_reaches_working_precision_and_tells_every_value() -> None:
    x = torch.nn.Parameter(torch.tensor([3.0, -2.0], dtype=torch.float64))
    values = minimise(lambda: (x.exp() - x).sum(), [x])
    assert values[0] == pytest.approx(math.exp(3) + math.exp(-2) - 1)
    assert values[-1] == min(values) == pytest.approx(2, abs=1e-12)
    torch.testing.assert_close(x.detach(), torch.zeros(2).double(), atol=1e-6, rtol=0)


def test_the_saturated_log_linear_family_fits_frequencies() -> None:
    counts = torch.tensor([1.0, 4.0, 15.0]).double()
    family = LogLinear(torch.eye(3).double()).fit(theory._atoms(counts))
    torch.testing.assert_close(family().log_probabilities.exp(), counts / 20)
    drawn = family().sample((2000,))
    assert drawn.shape == (2000, 1)
    assert (drawn == 2).double().mean().item() == pytest.approx(0.75, abs=0.05)


def test_a_restricted_log_linear_fit_matches_the_mean_features_only() -> None:
    features = torch.tensor([[0.0], [1.0], [2.0], [3.0]]).double()
    counts = torch.tensor([6.0, 1.0, 1.0, 4.0]).double()
    law = LogLinear(features).fit(theory._atoms(counts))().log_probabilities.exp()
    torch.testing.assert_close(law @ features, (counts / 12) @ features)
    torch.testing.assert_close(law, theory._nearest(counts / 12, features))
    assert not torch.allclose(law, counts / 12, atol=0.05)


def test_lemma_2_1() -> None:
    between, same = theory.random_pairs(4, 100, 8, seed=0)
    assert len(between) == len(same) == 8
    assert min(between) > 1e-4
    assert max(map(abs, same)) < 1e-10


def test_lemma_2_2() -> None:
    residuals = theory.affine_lemma(5, 100, seed=0)
    assert len(residuals) == 5
    assert max(residuals) < 1e-10


def test_theorem_2_3_needs_its_bias_and_is_tight_with_it() -> None:
    bounds = theory.theorem_bound(4, 150, seed=0)
    for each in bounds:
        assert each.slack >= -1e-9
        assert abs(each.gap) < 1e-9
        assert abs(each.bias) > 1e-3


def test_the_loss_is_zero_at_alignment() -> None:
    known, found = theory.aligned_losses(2, 100, seed=0)
    assert max(known + found) < 1e-9


def test_a_gaussian_shift_of_four_is_log_five() -> None:
    curve = theory.gaussian_shift([0.0, 4.0], 50, seed=0)
    assert curve.measured.tolist() == pytest.approx([0, math.log(5)], abs=1e-10)
    torch.testing.assert_close(curve.measured, curve.theory, atol=1e-10, rtol=0)


def test_a_large_family_gives_twice_the_jensen_shannon_divergence_up_to_the_plateau() -> None:
    curve = theory.large_capacity([0.0, 2.0, 8.0], 1000, 2, 20, seed=0)
    assert (curve.measured - curve.theory).abs().max() < 0.05
    assert curve.theory.tolist() == pytest.approx([0, 0.676, 2 * math.log(2)], abs=0.03)


def test_the_identity_of_the_divergence_with_any_family() -> None:
    assert max(theory.jensen_shannon_identity(5, 200, 8, seed=0)) < 1e-9


def test_the_two_games_differ_by_twice_log_two_and_share_their_classifier() -> None:
    gaps, residuals = theory.gan_game(3, 200, 8, seed=0)
    assert gaps == pytest.approx([2 * math.log(2)] * 3, abs=1e-9)
    assert max(residuals) < 1e-5


def test_a_trained_perceptron_comes_near_the_closed_form_where_there_are_samples() -> None:
    curve, difference = theory.classifiers_on_a_line(1000, 200, seed=0)
    assert difference < 0.05
    middle = curve.x.abs() < 1
    assert (curve.measured - curve.theory)[middle].abs().max() < 0.15
    assert curve.theory[0] > 0.99


def test_the_study_holds_every_field_that_a_claim_names_and_repeats_itself(tmp_path: Any) -> None:
    from isthmus.stages.lrmf_theory import draw, study

    metrics, panels = study(SMALL, seed=0)
    for field in (
        "random-pairs.distance.min",
        "same.distance.max",
        "affine.lemma_residual.max",
        "random-flows.slack.min",
        "aligned.loss_magnitude.max",
        "gaussian-shift-4.distance.mean",
        "disjoint.loss.mean",
        "large-capacity.jsd_residual.max",
        "discrete.identity_residual.max",
        "gan.value_gap.mean",
        "gan.bayes_residual.max",
    ):
        value: Any = metrics
        for key in field.split("."):
            value = value[key]
        assert math.isfinite(value)
    assert metrics["disjoint"]["loss"]["seeds"] == 2
    assert study(SMALL, seed=0)[0] == metrics
    pictures = [tmp_path / "one.png", tmp_path / "two.png"]
    for path in pictures:
        draw(panels, path)
    assert pictures[0].read_bytes() == pictures[1].read_bytes()
