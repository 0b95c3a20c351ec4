from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.errors import InputError
from isthmus.limits.clouds import circle_of_blobs
from isthmus.limits.difference_of_means import blind_spot
from isthmus.limits.generator_gradient import gradient_norms
from isthmus.limits.noise_floor import floors, mmd
from isthmus.limits.nonsense import shuffle
from isthmus.limits.saddle import descent_ascent, growth
from isthmus.networks.randomness import generator
from isthmus.stages.motivation import study

SMALL = {
    "seeds": 2,
    "means": {"samples": 400, "deviation": 0.2, "steps": 20},
    "noise_floor": {"shift": 2.0, "batch": 20, "dimensions": [16, 64], "samples": [10, 20]},
    "saddle": {"step": 0.1, "steps": 20},
    "generator": {
        "distance": 20.0,
        "samples": 32,
        "hidden": 8,
        "steps": 20,
        "learning_rate": 0.01,
    },
    "nonsense": {"samples": 50, "classes": 5, "deviation": 0.1},
}


@pytest.mark.parametrize("turn", [0.0, 0.25, 0.5])
def test_blobs_have_the_same_moments_however_turned(turn: float) -> None:
    points, blob = circle_of_blobs(200_000, 4, deviation=0.2, turn=turn, seed=0)
    assert np.abs(points.mean(0)).max() < 0.01
    assert np.allclose(np.cov(points, rowvar=False), (0.5 + 0.04) * np.eye(2), atol=0.01)
    assert np.allclose(np.bincount(blob) / len(blob), 0.25, atol=0.01)
    angle = math.pi / 2 * (1 + turn)
    centre = points[blob == 1].mean(0)
    assert np.allclose(centre, [math.cos(angle), math.sin(angle)], atol=0.01)


def test_clouds_of_one_mean_can_be_told_apart() -> None:
    blind = blind_spot(samples=4000, deviation=0.2, steps=300, seed=0)
    assert blind.distance < 0.05
    assert blind.covariance_distance < 0.1
    assert blind.domain_accuracy > 0.9
    gap = np.linalg.norm(blind.a.mean(0) - blind.b.mean(0))
    assert blind.distance == pytest.approx(gap)


@given(st.floats(0.001, 1), st.floats(0.1, 10), st.floats(-10, 10))
def test_descent_ascent_leaves_the_saddle(step: float, x: float, y: float) -> None:
    path = descent_ascent((x, y), step=step, steps=20)
    assert path.shape == (21, 2)
    assert tuple(path[0]) == (x, y)
    assert path[1] == pytest.approx([x - step * y, y + step * x])
    assert growth(path) == pytest.approx(math.sqrt(1 + step**2), rel=1e-12)
    radii = np.linalg.norm(path, axis=1)
    assert np.all(np.diff(radii) > 0)


@settings(max_examples=20)
@given(st.integers(0, 1000), st.integers(1, 64), st.floats(0, 4))
def test_emd_adds_to_its_noise_floor_only_a_difference_of_means(
    seed: int, dimension: int, shift: float
) -> None:
    found = floors(dimension, 20, shift=shift, seed=seed)["emd"]
    source = generator(seed, "samples")
    a, b = torch.randn(2, 20, dimension, dtype=torch.float64, generator=source)
    gap = float(a[:, 0].mean() - b[:, 0].mean())
    assert found.between == pytest.approx(found.within + shift**2 - 2 * shift * gap, abs=1e-9)


def test_two_laws_that_are_one_are_at_the_noise_floor() -> None:
    for floor in floors(8, 50, shift=0.0, seed=0).values():
        assert floor.within == floor.between > 0


def test_mmd_has_its_closed_form_on_many_points() -> None:
    source = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 2000, 2, dtype=torch.float64, generator=source)
    b[:, 0] += 2
    width = float(torch.pdist(torch.cat([a, b])[::2]).median())
    share = width**2 / (width**2 + 2)
    squared = 2 * share * (1 - math.exp(-share * 4 / (2 * width**2)))
    assert mmd(a, b) == pytest.approx(math.sqrt(squared), rel=0.05)
    assert mmd(a, a) == pytest.approx(0, abs=1e-6)


def test_both_distances_drown_in_dimension() -> None:
    for name in ("mmd", "emd"):
        ratios = []
        for dimension in (2, 32, 1024):
            draws = [floors(dimension, 100, shift=2.0, seed=seed)[name] for seed in range(3)]
            ratios.append(sum(d.between for d in draws) / sum(d.within for d in draws))
        assert ratios[0] > 2
        assert ratios == sorted(ratios, reverse=True)
        assert 1 < ratios[-1] < 1.1


def test_the_saturated_gradient_vanishes_and_the_other_grows() -> None:
    norms = gradient_norms(
        distance=20.0, samples=64, hidden=16, steps=300, learning_rate=0.01, seeds=[0, 1]
    )
    assert norms.steps[0] == 0
    assert norms.steps[-1] == 300
    assert norms.saturated.shape == norms.log_d.shape == (len(norms.steps), 2)
    assert (norms.saturated[-1] < 1e-2 * norms.saturated[0]).all()
    assert (norms.log_d[-1] > norms.log_d[0]).all()
    assert (norms.loss < 1e-3).all()


def test_clouds_that_overlap_keep_a_gradient() -> None:
    norms = gradient_norms(
        distance=1.0, samples=64, hidden=16, steps=100, learning_rate=0.01, seeds=[0, 1]
    )
    assert (norms.saturated[-1] > 0.1 * norms.saturated[0]).all()


def test_discriminators_do_not_know_of_each_other() -> None:
    def run(seeds: list[int]) -> np.ndarray:
        return gradient_norms(
            distance=20.0, samples=16, hidden=8, steps=10, learning_rate=0.01, seeds=seeds
        ).saturated

    assert np.allclose(run([4, 7])[:, 1:], run([7]), rtol=1e-3)
    assert np.array_equal(run([4, 7]), run([4, 7]))


@given(st.integers(0, 1000), st.integers(2, 60))
def test_a_shuffle_has_no_distance_and_no_meaning(seed: int, count: int) -> None:
    points, classes = circle_of_blobs(count, 10, deviation=0.1, seed=seed)
    found = shuffle(points, classes, seed=seed)
    assert sorted(map(tuple, found.mapped)) == sorted(map(tuple, points))
    assert found.emd == pytest.approx(0, abs=1e-12)
    assert found.mmd == pytest.approx(0, abs=1e-12)
    assert found.chance >= 0.1 - 1e-12


def test_its_agreement_is_that_of_chance() -> None:
    points, classes = circle_of_blobs(300, 3, deviation=0.1, seed=0)
    found = [shuffle(points, classes, seed=seed) for seed in range(40)]
    assert np.mean([f.agreement for f in found]) == pytest.approx(found[0].chance, abs=0.02)
    one = shuffle(points, np.zeros_like(classes), seed=0)
    assert one.agreement == one.chance == 1


def test_points_without_classes_are_refused() -> None:
    with pytest.raises(InputError, match="3 for 4 points"):
        shuffle(np.zeros((4, 2)), np.zeros(3, np.int64), seed=0)


def test_the_study_writes_what_the_claims_ask_for(tmp_path: Path) -> None:
    first, second = (study(SMALL, seed=0, figure=tmp_path / name) for name in ("1.png", "2.png"))
    assert first == second
    assert (tmp_path / "1.png").read_bytes() == (tmp_path / "2.png").read_bytes()
    assert {"distance", "domain_accuracy"} < first["difference-of-means"].keys()
    for name in ("mmd", "emd"):
        assert first[f"{name}-over-dimension"]["dimension"] == [2, 16, 64]
        for place, index in (("plane", 0), ("high-dimension", -1)):
            found = first[f"{name}-{place}"]
            ratio = (
                found["distance_between_laws"]["mean"] / (found["distance_within_one_law"]["mean"])
            )
            assert first[f"{name}-over-dimension"]["ratio"][index] == ratio
    assert first["saddle"]["growth"]["mean"] == pytest.approx(math.sqrt(1.01), abs=1e-12)
    assert first["saturated-cost"]["gradient_final"]["seeds"] == 2
    assert first["log-d-cost"]["gradient_initial"]["mean"] > 0
    assert first["nonsensical-map"]["emd"]["mean"] == pytest.approx(0, abs=1e-12)
