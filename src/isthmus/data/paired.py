"""Tables of pairs: two domains of as many images, where row i of A and row i of B belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from isthmus.data.synaction import DOMAINS, Codes
from isthmus.data.table import Table
from isthmus.errors import InputError

Images = npt.NDArray[np.uint8]


def two_domains(
    a: Images,
    b: Images,
    *,
    source: str,
    seed: int | None = None,
    factors: Mapping[str, tuple[Codes, Codes]] | None = None,
    levels: Mapping[str, Sequence[str]] | None = None,
) -> Table:
    """The images of A before those of B, in one table with the factor `domain`.

    Args:
        a: Images of A, uint8 `(n, channels, size, size)`.
        b: Those of B, likewise; for pairs in the same order.
        source: Where they come from, in words.
        seed: What they were drawn with.
        factors: By name the codes of A's and of B's images.
        levels: The names of their levels.

    Raises:
        InputError: An image, a code or a level is none.
    """
    return Table(
        kind="images",
        values=np.ascontiguousarray(np.concatenate([a, b]).transpose(0, 2, 3, 1)),
        factors={
            "domain": np.repeat(np.arange(2), [len(a), len(b)]),
            **{name: np.concatenate(codes) for name, codes in (factors or {}).items()},
        },
        levels={
            "domain": DOMAINS,
            **{name: tuple(names) for name, names in (levels or {}).items()},
        },
        value_range=(0.0, 255.0),
        source=source,
        seed=seed,
    )


def check_counts(where: str, **counts: int) -> None:
    """Refuse numbers of images below 1.

    Raises:
        InputError: One is; it is named.
    """
    for name, count in counts.items():
        if count < 1:
            raise InputError(where, f"is {count}", field=name, mend="use at least 1")
