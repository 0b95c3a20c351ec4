"""What would make a table, a figure or a claim's number: stages, commands, seeds, files, cost."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isthmus.config import Config
from isthmus.errors import InputError
from isthmus.report.claims import load_claims
from isthmus.seeding import derive


@dataclass(frozen=True)
class Step:
    """One stage instance of a plan.

    Attributes:
        key: Its name, as DVC has it.
        command: What runs.
        parameters: Dotted names of the parameters it depends on, and their values.
        seed: Its seed.
        files: What it writes.
        seconds: How long it took last, None where it never ran here.
        memory: Its peak memory then, in MiB.
    """

    key: str
    command: str
    parameters: dict[str, Any]
    seed: int
    files: tuple[str, ...]
    seconds: float | None
    memory: float | None


def plan(root: Path, config: Config, target: str | None = None) -> list[Step]:
    """The stage instances that make a target, upstream first; nothing runs.

    Args:
        root: The project's folder.
        config: The parameters; `params.yaml` has to be at their scale.
        target: The id of a claim, a file or the end of its path, or a stage; None for everything.

    Raises:
        InputError: Nothing makes the target.
    """
    from dvc.dependency.param import ParamsDependency
    from dvc.repo import Repo
    from networkx import descendants, topological_sort

    with Repo(str(root)) as repo:
        graph = repo.index.graph
        order = list(reversed(list(topological_sort(graph))))
        if target is not None:
            file = _file(root, config, target)
            chosen = [stage for stage in order if _makes(stage, file)]
            if not chosen:
                raise InputError(
                    target,
                    "no stage makes it",
                    mend="name a claim of claims.yaml, a file below runs/ or reports/, or a stage",
                )
            wanted = set(chosen).union(*(descendants(graph, stage) for stage in chosen))
            order = [stage for stage in order if stage in wanted]
        return [
            Step(
                key=stage.name,
                command=stage.cmd,
                parameters={
                    name: config.value(name)
                    for dependency in stage.deps
                    if isinstance(dependency, ParamsDependency)
                    for name in dependency.params
                },
                seed=derive(config.seed, stage.name),
                files=tuple(out.def_path for out in stage.outs),
                seconds=_cost(root, config.scale, stage.name)[0],
                memory=_cost(root, config.scale, stage.name)[1],
            )
            for stage in order
        ]


def _file(root: Path, config: Config, target: str) -> str:
    for claim in load_claims(root / "claims.yaml"):
        if claim.id == target:
            return str(claim.metric.file).format(scale=config.scale)
    return target


def _makes(stage: Any, target: str) -> bool:
    names = [stage.name, stage.name.split("@")[0]]
    files = [out.def_path for out in stage.outs]
    return target in names or any(f == target or f.endswith(f"/{target}") for f in files)


def _cost(root: Path, scale: str, key: str) -> tuple[float | None, float | None]:
    """Seconds and MiB, from Snakemake's benchmark file, or else from the stage's own clock."""
    try:
        with open(root / "benchmarks" / scale / f"{key}.tsv") as file:
            row = next(csv.DictReader(file, delimiter="\t"))
        return float(row["s"]), float(row["max_rss"])
    except (OSError, StopIteration, ValueError, KeyError):
        pass
    try:
        times = json.loads((root / "runs" / scale / ".times" / f"{key}.json").read_text())
        return float(times["seconds"]), float(times["peak_memory_bytes"]) / 2**20
    except (OSError, ValueError, KeyError):
        return None, None
