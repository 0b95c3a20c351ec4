"""The sync of finished stages to MLflow.

Stages know nothing of MLflow. Each leaves a folder with its record, its numbers and its figures;
`sync` copies what the store does not hold yet: one experiment a topic, in it one parent run a
pipeline run, below it one child run a stage instance. Tracking never breaks a run: whatever is
wrong with the store becomes the `reason` of the result, and the next sync delivers what is missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isthmus import record as records
from isthmus.config import Config
from isthmus.errors import InputError
from isthmus.record import Record
from isthmus.tracking.disk import Instance, Pipeline, finished, hashed, load, save
from isthmus.tracking.points import Point, flat_metrics, flat_parameters
from isthmus.tracking.store import Store, store_uri

EXPERIMENT_TAGS = {
    "mlflow.experimentKind": "custom_model_development",
    "mlflow.note.content": "A row is a pipeline run; the plus sign opens its stages.",
}
"""What makes the UI open an experiment on its runs, and not on a page about language models."""


@dataclass
class SyncResult:
    """What a sync did, in stage instances.

    Attributes:
        created: Runs made in the store.
        cached: Those of the runs made that were executed under an earlier pipeline run.
        kept: Runs that were there already.
        superseded: Runs deleted: their instance has changed under the same pipeline run, or an
            earlier sync broke off while making them.
        failed: Instances that did not reach the store; the next sync tries again.
        reason: Why they did not, empty where all did.
    """

    created: int = 0
    cached: int = 0
    kept: int = 0
    superseded: int = 0
    failed: int = 0
    reason: str = ""


def run_links(root: Path, config: Config) -> dict[str, tuple[str, str]]:
    """Experiment id and run id of every stage instance that the last sync left in the store.

    Reads one local file; MLflow is not loaded.

    Args:
        root: The project's folder.
        config: The parameters of the scale.

    Returns:
        The ids by key of the instance; empty where nothing has been synced.
    """
    known = load(marker(Store(root, store_uri(config)), config.scale))
    return {key: (run["experiment"], run["run"]) for key, run in known.get("runs", {}).items()}


def sync(root: Path, config: Config, *, uri: str | None = None) -> SyncResult:
    """Bring the store up to date with the finished stages of a scale.

    Syncing again what has been synced makes no run and does not load MLflow. Changes no file of a
    stage and raises nothing: see `SyncResult.reason`.

    Args:
        root: The project's folder.
        config: The parameters of the scale.
        uri: Tracking URI, by default `store_uri(config)`.
    """
    result = SyncResult()
    store = Store(root, uri or store_uri(config))
    try:
        instances, wrong = finished(store.root, config.scale)
        result.failed, result.reason = len(wrong), "".join(wrong[-1:])
        if instances:
            _Sync(store, config, instances, result).run()
    except Exception as error:
        found = len(records.find(store.root, config.scale))
        result.failed = found - result.created - result.kept
        result.reason = store.explain(error)
    return result


def marker(store: Store, scale: str) -> Path:
    """The file that remembers what the last sync left in the store."""
    return store.root / ".isthmus" / f"tracked-{scale}-{hashed(store.uri)}.json"


@dataclass
class _Plan:
    """What a sync has to do for one instance.

    Attributes:
        instance: The instance.
        home: Id of its experiment.
        kept: The run of this pipeline run that holds it already, if there is one.
        stale: The runs of this pipeline run that hold another state of it.
        origin: The run of an earlier pipeline run that executed it, if there is one.
    """

    instance: Instance
    home: str
    kept: Any = None
    stale: list[Any] = field(default_factory=list)
    origin: Any = None

    @property
    def is_done(self) -> bool:
        return self.kept is not None and not self.stale

    @property
    def is_cached(self) -> bool:
        return self.kept.data.tags["cached"] == "true" if self.kept else self.origin is not None


class _Sync:
    """One sync of one scale to one store."""

    def __init__(
        self, store: Store, config: Config, instances: list[Instance], result: SyncResult
    ) -> None:
        self.store = store
        self.instances = instances
        self.result = result
        self.pipeline = Pipeline.of(config, instances)
        self.marker = marker(store, config.scale)
        self.done: dict[str, dict[str, str]] = {}

    def run(self) -> None:
        with self.store.lock():
            known = load(self.marker)
            if self._is_current(known):
                self.result.kept = len(self.instances)
                return
            pipeline, runs = None, known.get("runs", {})
            try:
                self.client = self.store.client()
                self._deliver()
                pipeline, runs = self.pipeline.id, {}
            finally:
                save(self.marker, {"pipeline": pipeline, "runs": {**runs, **self.done}})

    def _is_current(self, known: dict[str, Any]) -> bool:
        runs = known.get("runs", {})
        synced = {key: run["record"] for key, run in runs.items()}
        return (
            known.get("pipeline") == self.pipeline.id
            and synced == {instance.record.key: instance.digest for instance in self.instances}
            and self.store.holds({run["run"] for run in runs.values()})
        )

    def _deliver(self) -> None:
        homes = {topic: self._home(topic) for topic in sorted({i.topic for i in self.instances})}
        there = self._search(list(homes.values()), f"tags.pipeline = '{self.pipeline.id}'")
        plans = [self._plan(instance, homes[instance.topic], there) for instance in self.instances]
        new = [plan for plan in plans if plan.kept is None and plan.origin is None]
        name = self.pipeline.name(min(plan.instance.start for plan in new or plans))
        for home in homes.values():
            mine = [plan for plan in plans if plan.home == home]
            parents = (r for r in there if r.info.experiment_id == home and not _key(r))
            self._topic(home, name, next(parents, None), mine)

    def _home(self, topic: str) -> str:
        """Id of a topic's experiment, which is made where there is none."""
        from mlflow.exceptions import MlflowException

        name = f"isthmus {topic}"
        artifacts = (self.store.artifacts / topic).as_uri() if self.store.artifacts else None
        experiment = self.client.get_experiment_by_name(name)
        if experiment is None:
            try:
                return self.client.create_experiment(name, artifacts, EXPERIMENT_TAGS)
            except MlflowException:
                experiment = self.client.get_experiment_by_name(name)
                if experiment is None:
                    raise
        if self.store.database and experiment.artifact_location != artifacts:
            raise InputError(
                self.store.database,
                f"it was made elsewhere and keeps its figures in {experiment.artifact_location}",
                mend="move the file away; the next sync makes a new one from the records",
            )
        if experiment.lifecycle_stage == "deleted":
            self.client.restore_experiment(experiment.experiment_id)
        return experiment.experiment_id

    def _search(self, homes: list[str], query: str) -> list[Any]:
        page = self.client.search_runs(homes, query)
        runs = list(page)
        while page.token:
            page = self.client.search_runs(homes, query, page_token=page.token)
            runs += page
        return runs

    def _plan(self, instance: Instance, home: str, there: list[Any]) -> _Plan:
        runs = [run for run in there if _key(run) == instance.record.key]
        same = [run for run in runs if run.data.tags["record"] == instance.digest]
        plan = _Plan(instance, home, kept=next(filter(_is_whole, same), None))
        plan.stale = [run for run in runs if run is not plan.kept]
        if plan.kept is None:
            query = f"tags.record = '{instance.digest}' and tags.cached = 'false'"
            plan.origin = next(filter(_is_whole, self._search([home], query)), None)
        return plan

    def _topic(self, home: str, name: str, parent: Any, plans: list[_Plan]) -> None:
        """The runs of one topic: a parent for the pipeline run, a child for every instance."""
        executed = [plan.instance for plan in plans if not plan.is_cached]
        span = executed or [plan.instance for plan in plans]
        done = parent is not None and _is_whole(parent) and all(plan.is_done for plan in plans)
        if parent is None:
            tags = {
                "pipeline": self.pipeline.id,
                "scale": self.pipeline.scale,
                "parameters": self.pipeline.parameters_hash,
                **_provenance(self.pipeline.commit, self.pipeline.dirty, self.pipeline.engine),
            }
            start = min(instance.start for instance in span)
            parent = self.client.create_run(home, start, tags, name)
        for plan in plans:
            self._child(plan, parent.info.run_id)
        if not done:
            numbers = {
                "stages": len(plans),
                "stages_cached": len(plans) - len(executed),
                "cost/seconds": sum(instance.times.get("seconds", 0) for instance in executed),
            }
            end = max(instance.end for instance in span)
            self._fill(parent, self.pipeline.parameters, flat_metrics(numbers), end)

    def _child(self, plan: _Plan, parent: str) -> None:
        """The run of one instance, made where it is not there; what it replaces is deleted."""
        run = plan.kept
        if run:
            self.result.kept += 1
        else:
            try:
                points = plan.instance.points(curves=not plan.is_cached)
            except InputError as error:
                self.result.failed += 1
                self.result.reason = str(error)
                return
            run = self._create(plan, parent, points)
            self.result.created += 1
            self.result.cached += plan.is_cached
        for old in plan.stale:
            self.client.delete_run(old.info.run_id)
            self.result.superseded += 1
        self.done[plan.instance.record.key] = {
            "record": plan.instance.digest,
            "experiment": plan.home,
            "run": run.info.run_id,
        }

    def _create(self, plan: _Plan, parent: str, points: list[Point]) -> Any:
        instance, record = plan.instance, plan.instance.record
        times = instance.times
        tags = {
            "pipeline": self.pipeline.id,
            "key": record.key,
            "record": instance.digest,
            "stage": record.stage,
            "scale": record.scale,
            "cached": str(plan.is_cached).lower(),
            **_provenance(times.get("commit"), times.get("dirty"), times.get("engine")),
            "mlflow.parentRunId": parent,
            "command": record.command,
            "mlflow.source.type": "LOCAL",
            "mlflow.source.name": f"src/{record.module.replace('.', '/')}.py",
        }
        if plan.origin:
            executed_in = plan.origin.info.run_id
            tags["executed_in"] = executed_in
            tags["mlflow.note.content"] = (
                f"Cached: [executed under an earlier pipeline run](#/experiments/{plan.home}/runs/"
                f"{executed_in}), which keeps the curves."
            )
        run = self.client.create_run(plan.home, instance.start, tags, record.key)
        self.client.log_inputs(run.info.run_id, _datasets(record))
        for path in instance.shown():
            self.client.log_artifact(run.info.run_id, str(path))
        self._fill(run, instance.parameters(), points, instance.end)
        return run

    def _fill(
        self, run: Any, parameters: Mapping[str, Any], points: Iterable[Point], end: int
    ) -> None:
        """Log to a run and finish it, the last step of making it; the client makes the batches."""
        from mlflow.entities import Metric, Param

        params = [Param(*item) for item in flat_parameters(parameters).items()]
        metrics = [Metric(name, value, end, step) for name, value, step in points]
        self.client.log_batch(run.info.run_id, metrics, params)
        self.client.set_terminated(run.info.run_id, end_time=end)


def _provenance(commit: str | None, dirty: bool | None, engine: str | None) -> dict[str, str]:
    return {
        "mlflow.source.git.commit": commit or "unknown",
        "dirty": str(bool(dirty)).lower(),
        "engine": engine or "unknown",
    }


def _datasets(record: Record) -> list[Any]:
    """The tables a stage read, with their own hashes as digests."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    tags = [InputTag("mlflow.data.context", "input")]
    datasets = []
    for path, sha256 in record.inputs.items():
        if path.endswith(".parquet"):
            name, source = path.removeprefix(f"runs/{record.scale}/"), json.dumps({"uri": path})
            datasets.append(DatasetInput(Dataset(name, sha256[:12], "local", source), tags))
    return datasets


def _key(run: Any) -> str | None:
    """Key of the instance a run holds; none for a parent."""
    return run.data.tags.get("key")


def _is_whole(run: Any) -> bool:
    """Whether the sync that made the run came to its end."""
    return bool(run.info.status == "FINISHED")
