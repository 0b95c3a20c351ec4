"""How much of an image each factor of a set fills, exactly, from the renderer."""

from __future__ import annotations

import numpy as np

from isthmus.data.table import Table
from isthmus.metrics.correctness import Role
from isthmus.metrics.pixel_share import Change, change
from isthmus.translation.sets import Set


def pixel_shares(described: Set, images: Table, seed: int) -> dict[str, Change]:
    """By factor what changes when it alone takes another value, any with the same chance.

    Args:
        described: The set.
        images: Images of both domains, of which only the factors and the size are read; a factor
            changes in those of the domains in which it varies, and the mean is over them.
        seed: Of the values that factors change to.
    """
    rng = np.random.default_rng(seed)
    domain, size = images.factors["domain"], images.values.shape[1]
    found = {}
    for name, role in described.roles.items():
        rows = np.isin(domain, {Role.A: [0], Role.B: [1]}.get(role, [0, 1]))
        codes = {factor: images.factors[factor][rows] for factor in described.roles}
        levels = described.levels[name]
        other = (codes[name] + rng.integers(1, levels, size=int(rows.sum()))) % levels
        before, after = (described.render(c, size) for c in (codes, codes | {name: other}))
        found[name] = change(before, after)
    return found
