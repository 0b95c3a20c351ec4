from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier

from isthmus.data import toys
from isthmus.data.table import Table, write_table
from isthmus.errors import InputError


def accuracy(a: Table, b: Table) -> float:
    nearest = KNeighborsClassifier(1).fit(b.values, b.factors["arm"])
    return float(nearest.score(a.values, a.factors["arm"]))


def test_moons_without_adaptation_score_the_published_accuracy() -> None:
    scores = [accuracy(*toys.moons(1000, seed=seed)) for seed in range(5)]
    assert np.mean(scores) == pytest.approx(0.96, abs=0.01)
    against = [accuracy(*toys.moons(1000, rotation=-50, seed=seed)) for seed in range(3)]
    assert np.mean(against) == pytest.approx(0.78, abs=0.03)


def test_moons_b_is_standardised_and_a_is_b_turned_clockwise() -> None:
    a, b = toys.moons(4000, noise=0.0, rotation=90.0, seed=0)
    np.testing.assert_allclose(b.values.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(b.values.std(axis=0), 1, atol=1e-12)
    straight, _ = toys.moons(4000, noise=0.0, rotation=0.0, seed=0)
    x, y = straight.values.T
    np.testing.assert_allclose(a.values, np.stack([y, -x], axis=1), atol=1e-12)
    assert not np.isin(a.measures["coordinate"], b.measures["coordinate"]).any()


def test_moons_lie_on_their_arms_at_their_coordinate() -> None:
    _, b = toys.moons(2000, noise=0.0, seed=0)
    angle = np.pi * b.measures["coordinate"]
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    lower = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
    points = np.where(b.factors["arm"][:, None] == 0, upper, lower)
    np.testing.assert_allclose(b.values, (points - points.mean(axis=0)) / points.std(axis=0))
    assert np.bincount(b.factors["arm"]).tolist() == [1000, 1000]
    assert ((b.measures["coordinate"] >= 0) & (b.measures["coordinate"] <= 1)).all()
    assert 0.4 < b.factors["arm"][:200].mean() < 0.6


@settings(max_examples=30, deadline=None)
@given(degrees=st.floats(-360, 360), other=st.floats(-360, 360))
def test_rotations_compose(degrees: float, other: float) -> None:
    turn = toys.rotation_matrix(degrees)
    np.testing.assert_allclose(turn @ turn.T, np.eye(2), atol=1e-12)
    both = toys.rotation_matrix(degrees + other)
    np.testing.assert_allclose(turn @ toys.rotation_matrix(other), both, atol=1e-9)
    np.testing.assert_allclose(toys.rotation_matrix(90) @ [0, 1], [1, 0], atol=1e-12)


def test_blobs_follow_their_laws() -> None:
    n = 50_000
    for table, law in zip(toys.blobs(n, seed=0), toys.blob_parameters(), strict=True):
        centred = (table.values - law.mean) @ np.linalg.inv(np.linalg.cholesky(law.covariance)).T
        np.testing.assert_allclose(centred.mean(axis=0), 0, atol=4 / np.sqrt(n))
        np.testing.assert_allclose(np.cov(centred.T), np.eye(2), atol=6 / np.sqrt(n))


def test_mixtures_follow_their_laws_and_differ_by_a_rigid_motion() -> None:
    n, rotation, shift = 30_000, 25.0, (0.3, 2.0)
    pair = toys.mixtures(n, rotation=rotation, shift=shift, seed=0)
    laws = toys.mixture_parameters(rotation, shift)
    for table, law in zip(pair, laws, strict=True):
        counts = np.bincount(table.factors["component"])
        np.testing.assert_allclose(counts / n, law.weights, atol=0.015)
        for k in range(3):
            points = table.values[table.factors["component"] == k]
            np.testing.assert_allclose(points.mean(axis=0), law.means[k], atol=0.02)
            np.testing.assert_allclose(np.cov(points.T), law.deviation**2 * np.eye(2), atol=0.01)
    moved = laws[0].means @ toys.rotation_matrix(rotation).T + shift
    np.testing.assert_allclose(laws[1].means, moved)


@pytest.mark.parametrize("name", toys.TOYS)
def test_load_joins_the_domains(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp(name)
    tables = toys.load(name, train_size=30, test_size=20, seed=4)
    a, b = toys.TOYS[name](50, seed=4)
    for part, rows in (("train", slice(0, 30)), ("test", slice(30, 50))):
        domain = tables[part].factors["domain"]
        assert tables[part].levels["domain"] == ("a", "b")
        for code, one in enumerate((a, b)):
            chosen = tables[part].take(domain == code)
            np.testing.assert_array_equal(chosen.values, one.values[rows])
            for annotation in one.factors:
                found = chosen.factors[annotation]
                np.testing.assert_array_equal(found, one.factors[annotation][rows])
        write_table(tables[part], folder / "one")
        write_table(toys.load(name, train_size=30, test_size=20, seed=4)[part], folder / "two")
        assert (folder / "one").read_bytes() == (folder / "two").read_bytes()
    other = toys.load(name, train_size=30, test_size=20, seed=5)
    assert not np.isin(other["train"].values, tables["train"].values).any()


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: toys.moons(1, seed=0), "n"),
        (lambda: toys.moons(10, noise=-1, seed=0), "noise"),
        (lambda: toys.moons(10, noise=float("nan"), seed=0), "noise"),
        (lambda: toys.moons(10, rotation=float("inf"), seed=0), "rotation"),
        (lambda: toys.blobs(0, seed=0), "n"),
        (lambda: toys.mixtures(-3, seed=0), "n"),
        (lambda: toys.mixtures(3, shift=(0, float("nan")), seed=0), "shift"),
        (lambda: toys.load("spirals", seed=0), "name"),
        (lambda: toys.load("moons", test_size=0, seed=0), "test_size"),
        (lambda: toys.load("moons", train_size=0, seed=0), "train_size"),
    ],
)
def test_settings_that_make_no_sense(call: object, field: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert caught.value.field == field
