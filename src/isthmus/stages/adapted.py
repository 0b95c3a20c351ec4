"""What the adaptation stages share: names of files, seeds, and the training over seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor

from isthmus.adaptation.benchmark import Training, adapt
from isthmus.adaptation.open_set import known_only
from isthmus.data.table import read_table
from isthmus.data.visda import FACTOR
from isthmus.job import Job
from isthmus.seeding import derive

TARGETS = ("validation", "test")
OPEN_TARGETS = ("open_validation", "open_test", "open_test_1_9")
FOUND = "predictions.json"
"""A list over seeds of predicted classes by target."""


def adapted_logits(
    job: Job, targets: Sequence[str], *, known: int | None = None
) -> Iterator[dict[str, Tensor]]:
    """By seed the logits of each target, and of held-out source images, by the job's adapter.

    Seed by seed all adapters of a set start from the same weights and see the same batches.

    Args:
        job: Of a stage with the items `domains` and `adapter`.
        targets: Names of the targets.
        known: Number of classes that the source keeps; all if None.
    """
    name, adapter = job.items["domains"], job.items["adapter"]
    settings = job.config.value(f"adaptation.sets.{name}")
    tables = {
        key: read_table(
            job.input(f"adaptation/data/{name}/{key}.parquet"), kind="images", factors=(FACTOR,)
        )
        for key in ("source", "source_test", *targets)
    }
    if known is not None:
        for key in ("source", "source_test"):
            tables[key] = known_only(tables[key], known)
    for index in range(settings["seeds"]):
        yield adapt(
            adapter,
            tables["source"],
            {key: tables[key] for key in targets},
            tables["source_test"],
            options=job.config.value(f"adaptation.settings.{adapter}"),
            training=Training(**settings["training"]),
            seed=derive(job.config.seed, "adapt", name, index),
        )
