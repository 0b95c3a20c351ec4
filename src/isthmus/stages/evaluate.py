"""Judge every alignment of a pair: class kept, domains told apart, distances, certificate."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import numpy as np
import torch

from isthmus import record
from isthmus.alignment.emd import emd
from isthmus.alignment.mmd import squared_mmd
from isthmus.attributes.digits import nearest_neighbour
from isthmus.attributes.domain import audit
from isthmus.data.pairs import label, read_domains
from isthmus.data.table import Table, read_table
from isthmus.job import Job, stage
from isthmus.metrics.classification import accuracy, confusion, kept
from isthmus.metrics.moments import covariance_distance, mean_distance
from isthmus.metrics.summary import summary
from isthmus.report.figures import clouds, confusions
from isthmus.seeding import derive
from isthmus.stages.rows import result_row


@stage(
    "seed",
    "threads",
    "families",
    "rivals",
    "rival_pairs",
    "rival.mmd.width",
    "evaluate",
    "prefit.{pair}.seeds",
    folder="runs/{scale}/evaluate/{pair}",
)
def main(job: Job) -> None:
    """Judge every alignment of a pair."""
    pair = job.items["pair"]
    _, train_b = read_domains(job.input(f"points/{pair}/train.parquet"))
    a, b = read_domains(job.input(f"points/{pair}/test.parquet"))
    results: dict[str, dict[str, list[float]]] = {"none": _judge(job, a, b, train_b, [a.values])}
    embedded = record.read(job.input(f"points/{pair}/record.json"))
    rows = [result_row(pair, "none", 0, _member(results["none"], 0), embedded)]
    tables, shown = {}, {}
    for method in job.config.methods(pair):
        home = f"align/{pair}/{method}"
        table = read_table(job.input(f"{home}/aligned.parquet"), kind="points", factors=("member",))
        made_by = record.read(job.input(f"{home}/record.json"))
        members = [table.values[table.factors["member"] == m] for m in range(len(table) // len(a))]
        results[method] = _judge(job, a, b, train_b, members)
        if method.startswith("lrmf"):
            metrics = json.loads(job.input(f"{home}/metrics.json").read_text())
            for name in ("loss", "loss_error", "loss_initial"):
                results[method][name] = metrics[name]["values"]
        shown[method] = members[0]
        for index in range(len(members)):
            rows.append(result_row(pair, method, index, _member(results[method], index), made_by))
        if kind := label(a):
            predicted = nearest_neighbour(train_b.values, train_b.factors[kind], members[0])
            tables[method] = confusion(a.factors[kind], predicted, len(a.levels[kind]))
    metrics = {m: {k: summary(v) for k, v in values.items()} for m, values in results.items()}
    job.write_json("metrics.json", metrics)
    job.write_json("rows.json", rows)
    clouds(a, b, shown, job.output("clouds.png"))
    confusions(tables, job.output("confusion.png"))


def _judge(job: Job, a: Table, b: Table, train_b: Table, members: list[Any]) -> dict[str, Any]:
    settings, found = job.config.evaluate, defaultdict(list)
    name = label(a)
    for index, moved in enumerate(members):
        rate = audit(
            moved,
            b.values,
            hidden=settings.audit_hidden,
            steps=settings.audit_steps,
            seed=derive(job.seed, "audit", index),
        )
        found["domain_accuracy"].append(rate.value)
        if job.items["pair"] in job.config.rival_pairs:
            x, y = torch.as_tensor(moved).double(), torch.as_tensor(b.values).double()
            width = job.config.rival.mmd.width
            found["mmd"].append(squared_mmd(x, y, width=width).clamp(min=0).sqrt().item())
            found["emd"].append(emd(x, y).sqrt().item())
        found["mean_distance"].append(mean_distance(moved, b.values))
        found["covariance_distance"].append(covariance_distance(moved, b.values))
        if name:
            known = train_b.values, train_b.factors[name]
            before, after = (nearest_neighbour(*known, points) for points in (a.values, moved))
            found["accuracy"].append(accuracy(after, a.factors[name]).value)
            found["kept"].append(kept(before, after).value)
    return {key: np.asarray(values).tolist() for key, values in found.items()}


def _member(results: dict[str, list[float]], index: int) -> dict[str, float]:
    return {name: values[index] for name, values in results.items()}


if __name__ == "__main__":
    main()
