"""The three splits of 3D-Shapes taken together: mean accuracy, worst factor, discrepancy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from isthmus.metrics.correctness import Role
from isthmus.metrics.manipulation import Accuracy, mean, relative_discrepancy

HUES = ("floor_hue", "wall_hue", "object_hue")


def over_splits(
    accuracy: Mapping[str, Mapping[str, float]], roles: Mapping[str, Mapping[str, Role]]
) -> dict[str, float]:
    """Figures of a method over splits in which every factor takes both roles.

    Args:
        accuracy: By split and factor the manipulation accuracy in percent.
        roles: By split the role of every factor.

    Returns:
        In percent: `3ds`, the mean over splits and factors; `3ds_worst_factor`, the least of them;
        `discrepancy`, the talk's RD; `common` and `specific`, the means of factors in that role,
        `hue_common` and `hue_specific` those of hues alone; and the mean of every factor.
    """
    factors = list(next(iter(roles.values())))
    by_role: dict[bool, dict[str, list[float]]] = {
        shared: {
            factor: [
                accuracy[s][factor] for s in roles if (roles[s][factor] is Role.SHARED) == shared
            ]
            for factor in factors
        }
        for shared in (True, False)
    }
    every = [accuracy[split][factor] for split in roles for factor in factors]
    found = {"3ds": float(np.mean(every)), "3ds_worst_factor": min(every)}
    common, specific = (
        [mean([Accuracy(value / 100, 0.0, 1) for value in by_role[shared][f]]) for f in factors]
        for shared in (True, False)
    )
    found["discrepancy"] = relative_discrepancy(specific, common).value
    for name, shared in (("common", True), ("specific", False)):
        found[name] = float(np.mean([v for f in factors for v in by_role[shared][f]]))
        found[f"hue_{name}"] = float(np.mean([v for f in HUES for v in by_role[shared][f]]))
    return found | {
        factor: float(np.mean([accuracy[split][factor] for split in roles])) for factor in factors
    }
