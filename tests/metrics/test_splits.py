from __future__ import annotations

import pytest

from isthmus.metrics.correctness import Role
from isthmus.metrics.splits import over_splits

FACTORS = ("floor_hue", "wall_hue", "object_hue", "size", "shape", "orientation")
SHARED = {"a": FACTORS[2::2], "b": FACTORS[1:4:2], "c": FACTORS[::5]}
ROLES = {
    split: {f: Role.SHARED if f in shared else Role.A for f in FACTORS}
    for split, shared in SHARED.items()
}


def accuracy(shared: float, specific: float) -> dict[str, dict[str, float]]:
    return {
        split: {f: shared if role is Role.SHARED else specific for f, role in roles.items()}
        for split, roles in ROLES.items()
    }


@pytest.mark.parametrize(
    ("shared", "specific", "mean", "discrepancy"),
    [(100.0, 100.0, 100.0, 0.0), (100.0, 0.0, 100 / 3, 100.0), (0.0, 100.0, 200 / 3, 100.0)],
)
def test_known_answers(shared: float, specific: float, mean: float, discrepancy: float) -> None:
    found = over_splits(accuracy(shared, specific), ROLES)
    assert found["3ds"] == pytest.approx(mean)
    assert found["discrepancy"] == pytest.approx(discrepancy)
    assert (found["common"], found["specific"]) == (shared, specific)
    assert (found["hue_common"], found["hue_specific"]) == (shared, specific)
    assert found["3ds_worst_factor"] == min(shared, specific)


def test_one_weak_factor_is_seen_as_such() -> None:
    values = accuracy(90.0, 90.0)
    values["b"]["size"] = 10.0
    found = over_splits(values, ROLES)
    assert found["3ds_worst_factor"] == 10.0
    assert found["size"] == pytest.approx((90 + 90 + 10) / 3)
    assert found["wall_hue"] == pytest.approx(90)
