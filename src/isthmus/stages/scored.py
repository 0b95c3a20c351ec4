"""How translations of a set are scored: by the factors read from them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from isthmus.data.pairs import image_domains
from isthmus.data.table import Table, read_table
from isthmus.job import Job
from isthmus.translation.sets import SETS

Integers = npt.NDArray[np.int64]
Scores = list[dict[str, float]]
COLUMNS = ("member", "direction", "source", "guide")


def scores(job: Job, name: str) -> Iterator[tuple[str, Scores]]:
    """By method the figures of each seed, in percent; chance, copies and the exact answer last.

    Args:
        job: Where to read the images and the translations.
        name: The set.
    """
    factors = _factors(job, name)
    for method in job.config.translators:
        path = job.input(f"translate/{name}/{method}/translated.parquet")
        table = read_table(path, kind="images", factors=COLUMNS)
        source, guide, a2b = _pairs(factors, table.take(table.factors["member"] == 0))
        yield method, _judged(name, factors, table)
    for answer, values in SETS[name].answers(source, guide, a2b, job.seed).items():
        yield answer, [SETS[name].score(source, guide, values, a2b)]


def learning(job: Job, name: str) -> dict[str, dict[int, Scores]]:
    """By method and step the figures of each seed on the way, in percent.

    Args:
        job: Where to read the images and the translations.
        name: The set.
    """
    factors = _factors(job, name)
    found: dict[str, dict[int, Scores]] = {}
    for method in map(str, job.config.translators):
        path = job.input(f"translate/{name}/{method}/snapshots.parquet")
        table = read_table(path, kind="images", factors=("step", *COLUMNS))
        found[method] = {
            int(step): _judged(name, factors, table.take(table.factors["step"] == code))
            for code, step in enumerate(table.levels["step"])
        }
    return found


def _factors(job: Job, name: str) -> list[Integers]:
    test = image_domains(job.input(f"scenes/{name}/test.parquet"))
    return [SETS[name].columns(table.factors) for table in test]


def _judged(name: str, factors: list[Integers], table: Table) -> Scores:
    """The figures of each seed."""
    described, members = SETS[name], table.factors["member"]
    images = np.ascontiguousarray(table.values.transpose(0, 3, 1, 2))
    decoded = described.columns(described.decode(images))
    source, guide, a2b = _pairs(factors, table)
    return [
        described.score(source[rows], guide[rows], decoded[rows], a2b[rows])
        for rows in (members == index for index in range(int(members.max()) + 1))
    ]


def _pairs(
    factors: list[Integers], table: Table
) -> tuple[Integers, Integers, npt.NDArray[np.bool_]]:
    """Factors of source and guide of each translation, and whether it goes from A to B."""
    a2b = table.factors["direction"] == 0
    chosen = table.factors["source"], table.factors["guide"]
    source, guide = (np.empty((len(table), factors[0].shape[1]), np.int64) for _ in range(2))
    for into_b, (own, other) in ((True, factors), (False, factors[::-1])):
        rows = a2b == into_b
        source[rows], guide[rows] = own[chosen[0][rows]], other[chosen[1][rows]]
    return source, guide, a2b
