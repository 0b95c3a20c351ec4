"""Decode the aligned digits of a pair and say which class they show, before and after."""

from __future__ import annotations

from typing import Any

import numpy as np

from isthmus import record
from isthmus.attributes.digits import Classifier
from isthmus.data.pairs import read_domains
from isthmus.data.table import read_table
from isthmus.embedding.vaegan import VaeGan, decode
from isthmus.job import Job, stage
from isthmus.metrics.classification import accuracy, confusion, kept
from isthmus.metrics.summary import summary
from isthmus.networks.storage import load
from isthmus.report.figures import confusions, image_rows
from isthmus.stages.rows import result_row

SHOWN = 14


@stage(
    "seed",
    "threads",
    "families",
    "rivals",
    "rival_pairs",
    "digit_pairs.{pair}",
    folder="runs/{scale}/decode/{pair}",
)
def main(job: Job) -> None:
    """Decode the aligned digits of a pair."""
    name = job.items["pair"]
    pair = job.config.digit_pairs[name]
    model = load(VaeGan, _folder(job, f"points/{name}"))
    classifier_a = load(Classifier, _folder(job, f"attributes/{pair.a}"))
    classifier_b = load(Classifier, _folder(job, f"attributes/{pair.b}"))
    images = read_table(job.input(f"images/{pair.a}/test.parquet"), kind="images")
    a, _ = read_domains(job.input(f"points/{name}/test.parquet"))
    digits = a.factors["digit"]
    before = classifier_a.predict(images.images()).argmax(1)
    rows, metrics, tables = [], {}, {}
    pictures: list[Any] = [images.images()[:SHOWN]]
    members: dict[str, list[Any]] = {"none": [a.values]}
    made_by = {"none": record.read(job.input(f"points/{name}/record.json"))}
    for method in job.config.methods(name):
        table = read_table(job.input(f"align/{name}/{method}/aligned.parquet"), kind="points")
        made_by[method] = record.read(job.input(f"align/{name}/{method}/record.json"))
        count = len(table) // len(a)
        members[method] = [table.values[table.factors["member"] == m] for m in range(count)]
    for method, clouds in members.items():
        found: dict[str, list[float]] = {"accuracy": [], "kept": []}
        for index, points in enumerate(clouds):
            shown = decode(model, points)
            after = classifier_b.predict(shown).argmax(1)
            found["accuracy"].append(accuracy(after, digits).value)
            found["kept"].append(kept(before, after).value)
            figures = {key: values[-1] for key, values in found.items()}
            rows.append(result_row(name, method, index, figures, made_by[method]))
            if index == 0:
                tables[method] = confusion(before, after, 10)
                pictures.append(np.asarray(shown[:SHOWN]))
        metrics[method] = {key: summary(values) for key, values in found.items()}
    job.write_json("metrics.json", metrics)
    job.write_json("rows.json", rows)
    image_rows(pictures, ["A", *members], job.output("digits.png"))
    confusions(tables, job.output("confusion.png"))


def _folder(job: Job, home: str) -> Any:
    job.input(f"{home}/model.safetensors")
    return job.input(f"{home}/model.json").parent


if __name__ == "__main__":
    main()
