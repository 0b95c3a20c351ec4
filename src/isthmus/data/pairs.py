"""Tables that hold two domains: the factor `domain`, with the levels a and b."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from isthmus.data.table import Table, read_table


def read_domains(path: str | Path) -> tuple[Table, Table]:
    """Read a table of points and split it into the domains A and B.

    Raises:
        InputError: The file is damaged, or has no factor `domain`.
    """
    return split_domains(read_table(path, kind="points", factors=("domain",)))


def image_domains(path: str | Path) -> tuple[Table, Table]:
    """Read a table of images and split it into the domains A and B.

    Raises:
        InputError: The file is damaged, or has no factor `domain`.
    """
    return split_domains(read_table(path, kind="images", factors=("domain",)))


def split_domains(table: Table) -> tuple[Table, Table]:
    """The rows of A and those of B of a table with the factor `domain`."""
    codes = table.factors["domain"]
    return table.take(np.flatnonzero(codes == 0)), table.take(np.flatnonzero(codes == 1))


def label(table: Table) -> str | None:
    """Name of the factor that an alignment should keep: the first one that is not the domain."""
    return next((name for name in table.factors if name != "domain"), None)
