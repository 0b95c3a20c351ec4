from __future__ import annotations

import numpy as np
import pytest

from isthmus.data import stick_figures, two_actors
from isthmus.errors import InputError


def test_pairs_differ_in_the_actor_alone() -> None:
    tables = two_actors.load(32, train_size=50, test_size=20, seed=1)
    seen = set()
    for name, count in (("train", 50), ("test", 20)):
        table = tables[name]
        decoded = stick_figures.decode(np.ascontiguousarray(table.values.transpose(0, 3, 1, 2)))
        np.testing.assert_array_equal(decoded["identity"], np.repeat(two_actors.ACTORS, count))
        for factor in ("pose", "background"):
            a, b = decoded[factor].reshape(2, count)
            np.testing.assert_array_equal(a, b)
            np.testing.assert_array_equal(decoded[factor], table.factors[factor])
        scenes = set(zip(decoded["pose"].tolist(), decoded["background"].tolist(), strict=True))
        assert len(scenes) == count and not scenes & seen
        seen |= scenes


def test_the_seed_decides_and_counts_are_checked() -> None:
    first, again, other = (
        two_actors.load(16, train_size=30, test_size=5, seed=seed)["train"] for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first.values, again.values)
    assert (first.values != other.values).any()
    for sizes in ({"train_size": 541}, {"train_size": 0}, {"test_size": 0}):
        with pytest.raises(InputError, match="two actors"):
            two_actors.load(16, seed=0, **sizes)
