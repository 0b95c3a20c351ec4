"""Prepare one source of digit images: train and test tables, and a contact sheet."""

from __future__ import annotations

from pathlib import Path

from isthmus.data import mnist, optdigits, typeset, usps
from isthmus.data.table import Table, write_table
from isthmus.job import Job, stage
from isthmus.report.figures import contact_sheet


@stage(
    "seed",
    "threads",
    "data.image_size",
    "data.{source}",
    folder="runs/{scale}/images/{source}",
)
def main(job: Job) -> None:
    """Prepare one source of digit images."""
    tables = _load(job)
    for split, table in tables.items():
        write_table(table, job.output(f"{split}.parquet"))
    contact_sheet(tables["train"], job.output("sheet.png"))


def _load(job: Job) -> dict[str, Table]:
    data, name = job.config.data, job.items["source"]
    size, cache = data.image_size, Path(data.cache)
    if name == "mnist":
        return mnist.load(
            size,
            train=data.mnist.train,
            test=data.mnist.test,
            train_size=data.mnist.train_size,
            seed=job.seed,
            cache=cache,
            mirror=data.mirror,
        )
    if name == "usps":
        return usps.load(size, cache=cache, mirror=data.mirror)
    if name == "optdigits":
        return optdigits.load(size, train_size=data.optdigits.train_size, seed=job.seed)
    return typeset.load(
        size,
        train_size=data.typeset.train_size,
        test_size=data.typeset.test_size,
        seed=job.seed,
    )


if __name__ == "__main__":
    main()
