from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from isthmus.attributes.factors import FactorClassifier, train_factors
from isthmus.errors import InputError
from isthmus.networks.storage import load, save

LEVELS = {"side_of_bar": 2, "hue": 3, "brightness": 4}


def scenes(n: int, seed: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """A bar on the left or right in one of three colours, on a ground of four brightnesses."""
    random = np.random.default_rng(seed)
    codes = {name: random.integers(count, size=n) for name, count in LEVELS.items()}
    images = np.empty((n, 3, 8, 8), np.uint8)
    images[:] = (40 * codes["brightness"])[:, None, None, None]
    for image, bar, hue in zip(images, codes["side_of_bar"], codes["hue"], strict=True):
        image[hue, :, slice(5, 7) if bar else slice(1, 3)] = 255
    return images, codes


def trained(seed: int = 0) -> tuple[FactorClassifier, list[float]]:
    return train_factors(*scenes(200, 0), LEVELS, steps=150, learning_rate=0.01, seed=seed)


def test_every_factor_is_read_from_images_that_were_not_seen() -> None:
    classifier, curve = trained()
    images, codes = scenes(100, 1)
    found = classifier.read(images)
    assert set(found) == set(LEVELS)
    for name, truth in codes.items():
        assert (found[name] == truth).mean() > 0.97, name
    expected = np.mean([np.log(count) for count in LEVELS.values()])
    assert curve[0] == pytest.approx(expected, abs=0.5)


def test_the_same_seed_gives_the_same_classifier() -> None:
    (one, curve), (_, again), (_, other) = (trained(seed) for seed in (0, 0, 1))
    assert curve == again != other
    assert one.levels == LEVELS


def test_a_value_that_a_factor_lacks_is_impossible() -> None:
    classifier = FactorClassifier(8, **LEVELS)
    found = classifier.log_probabilities(torch.from_numpy(scenes(5, 0)[0]))
    assert found.shape == (5, 4, 3)
    assert found.exp().sum(1).numpy() == pytest.approx(1, abs=1e-5)
    for column, count in enumerate(classifier.levels.values()):
        assert found[:, :count, column].isfinite().all()
        assert (found[:, count:, column] == -torch.inf).all()


def test_a_stored_classifier_reads_the_same_factors(tmp_path: Path) -> None:
    classifier, _ = trained()
    save(classifier, tmp_path)
    images, _ = scenes(50, 2)
    found, again = classifier.read(images), load(FactorClassifier, tmp_path).read(images)
    for name in LEVELS:
        np.testing.assert_array_equal(found[name], again[name])


def test_reading_does_not_depend_on_the_company(monkeypatch: pytest.MonkeyPatch) -> None:
    images, _ = scenes(7, 3)
    classifier = FactorClassifier(8, **LEVELS)
    together = classifier.read(images)
    monkeypatch.setattr("isthmus.attributes.factors.CHUNK", 2)
    for name, codes in classifier.read(images).items():
        np.testing.assert_array_equal(codes, together[name])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((3, 3, 8, 8), np.float32)}, "dtype float32"),
        ({"images": np.zeros((3, 3, 8, 6), np.uint8)}, r"shape \(3, 3, 8, 6\)"),
        ({"images": np.zeros((0, 3, 8, 8), np.uint8)}, r"shape \(0, 3, 8, 8\)"),
        ({"codes": {"hue": [0, 1, 2]}}, "brightness: is not given"),
        ({"codes": {name: [0, 1, 2] for name in LEVELS}}, "side_of_bar: row 2: is 2"),
        ({"codes": {name: [0, 1] for name in LEVELS}}, "holds 2 of 3 labels"),
        ({"levels": {}}, "levels"),
        ({"levels": {"hue": 1}}, "levels"),
    ],
)
def test_what_cannot_be_trained_on_is_refused(change: dict, message: str) -> None:
    images, codes = scenes(3, 0)
    given = {"images": images, "codes": codes, "levels": LEVELS} | change
    with pytest.raises(InputError, match=message):
        train_factors(**given, steps=1, seed=0)


def test_images_of_another_size_are_not_read() -> None:
    with pytest.raises(InputError, match=r"\(n, 3, 8, 8\)"):
        FactorClassifier(8, **LEVELS).read(np.zeros((1, 3, 16, 16), np.uint8))
    with pytest.raises(InputError, match=r"\(n, 3, 8, 8\)"):
        FactorClassifier(8, **LEVELS).read(np.zeros((1, 1, 8, 8), np.uint8))
