from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from isthmus.attributes import digits
from isthmus.attributes.digits import Classifier, jitter, nearest_neighbour, train_classifier
from isthmus.data import mnist
from isthmus.errors import InputError
from isthmus.metrics.classification import accuracy


def bars(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Class 0: a horizontal bar, class 1: a vertical one."""
    random = np.random.default_rng(seed)
    images, labels = np.zeros((n, 1, 8, 8), np.float32), np.arange(n) % 2
    for image, label in zip(images[:, 0], labels):
        (image if label else image.T)[:, random.integers(2, 6)] = 1
    return images, labels


def test_mnist_is_read_from_the_packaged_digits(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    tables = mnist.load(16, train_size=4000, seed=0, cache=tmp_path)
    train, test = tables["train"], tables["test"]
    classifier, curve = train_classifier(train.images(), train.factors["digit"], seed=0)
    found = classifier.predict(test.images())
    assert accuracy(found.argmax(1), test.factors["digit"]).value >= 0.97
    assert np.allclose(found.sum(1), 1, atol=1e-5)
    assert len(curve) == 1000


def test_the_same_seed_gives_the_same_classifier() -> None:
    images, labels = bars(40, 0)
    options = {"classes": 2, "steps": 60, "batch_size": 20, "learning_rate": 0.01}
    (one, curve), (two, again), (other, _) = (
        train_classifier(images, labels, seed=seed, **options) for seed in (0, 0, 1)
    )
    assert curve == again
    fresh, truth = bars(40, 1)
    assert np.array_equal(one.predict(fresh), two.predict(fresh))
    assert not np.array_equal(one.predict(fresh), other.predict(fresh))
    assert accuracy(one.predict(fresh).argmax(1), truth).value == 1


def test_predictions_do_not_depend_on_the_company() -> None:
    images, _ = bars(digits.CHUNK + 3, 0)
    classifier = Classifier(8, 2, 4)
    alone = np.concatenate([classifier.predict(images[i : i + 1]) for i in (0, digits.CHUNK + 2)])
    assert np.allclose(classifier.predict(images)[[0, -1]], alone, atol=1e-6)


@pytest.mark.parametrize("fill", [0.0, 1.0, 0.5])
def test_constant_images_give_the_shares_of_the_classes(fill: float) -> None:
    images, labels = np.full((40, 1, 8, 8), fill, np.float32), np.arange(40) % 4 // 3
    classifier, curve = train_classifier(
        images, labels, classes=2, steps=200, batch_size=40, learning_rate=0.01, seed=0
    )
    assert np.isfinite(curve).all()
    assert classifier.predict(images)[0] == pytest.approx([0.75, 0.25], abs=0.05)


def test_one_image_is_enough() -> None:
    images, labels = bars(1, 0)
    classifier, _ = train_classifier(images, labels, classes=2, steps=20, seed=0)
    assert classifier.predict(images).argmax() == 0


def test_what_cannot_be_trained_on_is_refused() -> None:
    images, labels = bars(4, 0)
    with pytest.raises(InputError, match="labels: holds 3 of 4"):
        train_classifier(images, labels[:3], seed=0)
    with pytest.raises(InputError, match="labels: row 1"):
        train_classifier(images, labels, classes=1, seed=0)
    with pytest.raises(InputError, match="classes"):
        train_classifier(images, 0 * labels, classes=1, seed=0)
    images[2, 0, 0, 0] = np.nan
    with pytest.raises(InputError, match="image 2"):
        train_classifier(images, labels, seed=0)
    with pytest.raises(InputError, match=r"\(n, 1, 8, 8\)"):
        Classifier(8, 2, 4).predict(np.zeros((1, 1, 16, 16), np.float32))


def test_jitter_moves_images_and_no_further_than_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    images = torch.zeros(64, 1, 16, 16)
    images[:, :, 7:9, 7:9] = 1
    moved = jitter(images, torch.Generator().manual_seed(0))
    assert not torch.allclose(moved, images, atol=0.1)
    assert moved.min() >= 0
    assert moved.max() <= 1 + 1e-6
    centre = torch.arange(16.0) - 7.5
    for axis in (1, 2):
        mass = moved[:, 0].sum(3 - axis)
        offset = (mass * centre).sum(1) / mass.sum(1)
        assert 0.5 < offset.abs().max() < 1.4
        assert abs(offset.mean()) < 0.3
    for name in ("ROTATION", "SCALE", "SHIFT"):
        monkeypatch.setattr(digits, name, 0.0)
    assert torch.allclose(jitter(images, torch.Generator()), images, atol=1e-5)


def test_jitter_rotates_and_does_not_shear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits, "SCALE", 0.0)
    monkeypatch.setattr(digits, "SHIFT", 0.0)
    bars = torch.zeros(2, 200, 1, 17, 17)
    bars[0, :, :, 8] = 1
    bars[1, :, :, :, 8] = 1
    flat, upright = (jitter(b, torch.Generator().manual_seed(0))[:, 0] for b in bars)
    y, x = torch.meshgrid(torch.arange(17.0) - 8, torch.arange(17.0) - 8, indexing="ij")
    rise = (flat * x * y).sum((1, 2)) / (flat * x * x).sum((1, 2))
    lean = (upright * x * y).sum((1, 2)) / (upright * y * y).sum((1, 2))
    assert 0.15 < rise.atan().abs().max() < 0.21
    assert torch.allclose(rise, -lean, atol=0.03)


def test_the_nearest_neighbour_decides() -> None:
    known = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    asked = np.array([[1.0, 1.0], [9.0, 3.0], [2.0, 9.0], [0.0, 0.0]])
    assert nearest_neighbour(known, [7, 8, 2], asked).tolist() == [7, 8, 2, 7]


def test_unusable_points_are_refused() -> None:
    with pytest.raises(InputError, match="x: has 3 features where x_b has 2"):
        nearest_neighbour(np.zeros((2, 2)), [0, 1], np.zeros((2, 3)))
    with pytest.raises(InputError, match="y_b: holds 1 of 2"):
        nearest_neighbour(np.zeros((2, 2)), [0], np.zeros((2, 2)))
    with pytest.raises(InputError, match="x_b: row 0"):
        nearest_neighbour(np.full((2, 2), np.nan), [0, 1], np.zeros((2, 2)))
