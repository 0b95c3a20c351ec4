from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from isthmus.attributes.probes import Reading, Samples, above_chance, probe
from isthmus.errors import InputError

OPTIONS: dict[str, Any] = {"epochs": 12, "patience": 4, "batch_size": 32, "learning_rate": 0.01}
LEVELS = {"hidden": 4, "absent": 4}


def faint(n: int, seed: int, strength: int = 3, flipped: float = 0.0) -> Samples:
    """Flat grey images with a checkered quarter of that many bytes, which tells `hidden`.

    In a share of the images it tells a value drawn anew instead.
    """
    random = np.random.default_rng(seed)
    codes = {name: random.integers(count, size=n) for name, count in LEVELS.items()}
    shown = np.where(random.random(n) < flipped, random.integers(4, size=n), codes["hidden"])
    images = np.full((n, 3, 8, 8), 1, np.uint8) * random.integers(60, 190, (n, 1, 1, 1), np.uint8)
    checks = strength * (np.indices((4, 4)).sum(0) % 2).astype(np.uint8)
    for image, code in zip(images, shown, strict=True):
        image[:, 4 * (code // 2) :, 4 * (code % 2) :][:, :4, :4] += checks
    return Samples(images, codes)


def test_what_is_hidden_in_faint_patterns_is_found_and_what_is_absent_is_not() -> None:
    found = probe(faint(600, 0), faint(300, 1), LEVELS, seed=0, **OPTIONS)
    hidden, absent = found["hidden"], found["absent"]
    assert above_chance(hidden.accuracy, hidden.chance) > 0.9
    assert 1.6 < hidden.bits <= 2.05
    assert absent.chance == pytest.approx(0.25, abs=0.08)
    assert above_chance(absent.accuracy, absent.chance) < 5 * absent.error
    assert absent.bits < 0.05


def test_bits_stay_below_those_that_a_noisy_pattern_carries() -> None:
    found = probe(faint(900, 0, flipped=0.5), faint(600, 1, flipped=0.5), LEVELS, seed=0, **OPTIONS)
    right, wrong = 0.5 + 0.5 / 4, 0.5 / 4
    capacity = 2 + right * np.log2(right) + 3 * wrong * np.log2(wrong)
    assert 0.5 * capacity < found["hidden"].bits < capacity + 0.12
    assert found["hidden"].accuracy == pytest.approx(right, abs=0.08)


def test_images_without_a_pattern_tell_nothing() -> None:
    found = probe(faint(300, 0, strength=0), faint(300, 1, strength=0), LEVELS, seed=0, **OPTIONS)
    for reading in found.values():
        assert abs(above_chance(reading.accuracy, reading.chance)) < 5 * reading.error
        assert reading.bits < 0.05


def test_a_probe_stops_when_nothing_improves_any_more() -> None:
    given = faint(60, 0, strength=0), faint(30, 1, strength=0), LEVELS
    few = OPTIONS | {"patience": 1}
    one = probe(*given, seed=0, **few)
    assert one == probe(*given, seed=0, **(few | {"epochs": 10_000}))
    assert one != probe(*given, seed=1, **few)


def test_more_than_chance_is_counted_from_chance() -> None:
    assert above_chance(0.25, 0.25) == 0
    assert above_chance(1.0, 0.25) == 1
    assert above_chance(0.5, 0.25) == pytest.approx(1 / 3)
    assert above_chance(0.0, 0.5) == -1
    assert above_chance(1.0, 1.0) == 0


def test_the_accuracy_has_its_binomial_error() -> None:
    reading = probe(faint(60, 0), faint(50, 1), LEVELS, seed=0, **(OPTIONS | {"epochs": 1}))[
        "absent"
    ]
    assert isinstance(reading, Reading)
    p = reading.accuracy
    assert reading.error == pytest.approx(np.sqrt(p * (1 - p) / 50))


def test_what_cannot_be_probed_is_refused() -> None:
    with pytest.raises(InputError, match="seen: holds 5 images"):
        probe(faint(5, 0), faint(5, 1), LEVELS, seed=0, **OPTIONS)
    with pytest.raises(InputError, match="absent: is not given"):
        seen = faint(20, 0)
        probe(
            Samples(seen.images, {"hidden": seen.codes["hidden"]}), seen, LEVELS, seed=0, **OPTIONS
        )
    with pytest.raises(InputError, match="diverged in epoch 0"):
        probe(faint(60, 0), faint(9, 1), LEVELS, seed=0, **(OPTIONS | {"learning_rate": 1e30}))
