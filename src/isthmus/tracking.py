"""The sync of finished stages to MLflow, and the UI over them.

Stages know nothing of MLflow. Each leaves a folder with its record, its numbers and its figures;
`sync` copies what the store does not hold yet: one experiment a topic, in it one parent run a
pipeline run, below it one child run a stage instance. Tracking never breaks a run: whatever is
wrong with the store becomes the `reason` of the result, and the next sync delivers what is missing.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import re
import shutil
import socket
import sqlite3
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

from filelock import FileLock

from isthmus import record as records
from isthmus.config import Config
from isthmus.errors import InputError
from isthmus.record import Record

TOPICS = {
    "images": "data",
    "points": "data",
    "embed": "alignment",
    "prefit": "alignment",
    "coral": "alignment",
    "back_to_back": "alignment",
    "lrmf": "alignment",
    "evaluate": "alignment",
    "rival": "alignment",
    "scenes": "data",
    "translate": "translation",
    "paired": "data",
    "defend": "self-defence",
    "honesty": "self-defence",
    "manipulation": "translation",
    "channel": "translation",
    "classifiers": "attributes",
    "diagnosis": "translation",
    "many_to_many": "translation",
    "manipulation_metric": "translation",
    "comparison": "alignment",
    "lrmf_theory": "alignment",
    "vanishing_gradient": "alignment",
    "motivation": "alignment",
    "dual": "alignment",
    "dirac_gan": "alignment",
    "instance_noise": "alignment",
    "regularised_gan": "alignment",
    "leaking_augmentation": "alignment",
    "meshes": "alignment",
    "pixel_flow": "alignment",
    "digit_study": "alignment",
    "decode": "alignment",
    "attributes": "attributes",
    "puppets": "data",
    "puppet_judge": "attributes",
    "puppetry": "puppets",
    "puppet_score": "puppets",
    "sensitivity": "audit",
    "track": "report",
    "report": "report",
}
"""Which experiment the runs of a stage go to; a stage that is not named here gets its own."""

ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_SQLALCHEMYSTORE_POOLCLASS": "NullPool",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""Settings for MLflow where the user has made none: no telemetry, an absent server fails fast."""

EXPERIMENT_TAGS = {
    "mlflow.experimentKind": "custom_model_development",
    "mlflow.note.content": "A row is a pipeline run; the plus sign opens its stages.",
}
"""What makes the UI open an experiment on its runs, and not on a page about language models."""

SHOWN = (".png", ".html", ".json")
LARGEST_SHOWN = 5 * 2**20
LONGEST_NAME = 240
LONGEST_VALUE = 6000
LOCK_SECONDS = 300.0
BUSY_SECONDS = 5.0

Point = tuple[str, float, int]
"""A metric's name, value and step."""


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


def store_uri(config: Config) -> str:
    """The tracking URI: the environment variable MLFLOW_TRACKING_URI, else `tracking.store`."""
    return os.environ.get("MLFLOW_TRACKING_URI") or config.tracking.store


def run_links(root: Path, config: Config) -> dict[str, tuple[str, str]]:
    """Experiment id and run id of every stage instance that the last sync left in the store.

    Reads one local file; MLflow is not loaded.

    Args:
        root: The project's folder.
        config: The parameters of the scale.

    Returns:
        The ids by key of the instance; empty where nothing has been synced.
    """
    known = _load(_marker(_Store(root, store_uri(config)), config.scale))
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
    store = _Store(root, uri or store_uri(config))
    try:
        instances = _finished(store.root, config.scale, result)
        if instances:
            _Sync(store, config, instances, result).run()
    except Exception as error:
        found = len(records.find(store.root, config.scale))
        result.failed = found - result.created - result.kept
        result.reason = store.explain(error)
    return result


# -------------------------------------------------------------------------------- what is on disk


@dataclass(frozen=True)
class _Instance:
    """A finished stage instance, as its folder shows it."""

    record: Record
    folder: Path
    times: dict[str, Any]

    @cached_property
    def digest(self) -> str:
        return self.record.digest

    @property
    def topic(self) -> str:
        return _topic(self.record.stage)

    @property
    def start(self) -> int:
        """Milliseconds since 1970."""
        return int(1000 * self.times["started"])

    @property
    def end(self) -> int:
        """Milliseconds since 1970."""
        return self.start + int(1000 * self.times.get("seconds", 0))

    def parameters(self) -> dict[str, Any]:
        """What it is about (`pair`, `family`), its seed, and the parameters it depends on."""
        items = dict(re.findall(r"--(\S+) (\S+)", self.record.command))
        items.pop("scale", None)
        return {**items, "job_seed": self.record.seed, **self.record.parameters}

    def points(self, *, curves: bool) -> list[Point]:
        """Its metrics, its cost and, where asked for, its curves.

        Raises:
            InputError: A file of numbers is damaged or of another format.
        """
        found: list[Point] = []
        for name, flatten in (("metrics.json", flat_metrics), ("curves.json", flat_curves)):
            path = self.folder / name
            if path.is_file() and (curves or flatten is flat_metrics):
                try:
                    found += flatten(json.loads(path.read_text(encoding="utf-8")))
                except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
                    mend = "run the stage again, or see docs/tracking.md for the format"
                    raise InputError(path, f"not such a file ({error!r})", mend=mend) from None
        for name, size in (("seconds", 1), ("peak_memory_bytes", 2**20)):
            if name in self.times:
                cost = f"cost/{name.replace('bytes', 'mebibytes')}"
                found.append((cost, self.times[name] / size, 0))
        return found

    def shown(self) -> list[Path]:
        """Figures, pages and small files that the UI can show."""
        files = sorted(path for path in self.folder.iterdir() if path.suffix in SHOWN)
        return [path for path in files if path.stat().st_size <= LARGEST_SHOWN]


def _topic(stage: str) -> str:
    return TOPICS.get(stage, stage)


def _finished(root: Path, scale: str, result: SyncResult) -> list[_Instance]:
    """All instances whose record can be read; the others count as failed."""
    instances = []
    for path in records.find(root, scale):
        try:
            record = records.read(path)
        except InputError as error:
            result.failed += 1
            result.reason = str(error)
            continue
        times = _load(root / "runs" / scale / ".times" / f"{record.key}.json")
        times.setdefault("started", path.stat().st_mtime)
        instances.append(_Instance(record, path.parent, times))
    return instances


@dataclass(frozen=True)
class _Pipeline:
    """A pipeline run: what the stages made of one state of the code and of the parameters.

    The state of the code is that of the stage executed last. So a commit after which nothing was
    executed is no pipeline run.
    """

    scale: str
    commit: str
    dirty: bool
    engine: str
    parameters: dict[str, Any]

    @classmethod
    def of(cls, config: Config, instances: list[_Instance]) -> _Pipeline:
        times = max(
            (instance.times for instance in instances),
            key=lambda times: (bool(times.get("commit")), times["started"]),
        )
        return cls(
            config.scale,
            times.get("commit") or "unknown",
            bool(times.get("dirty")),
            times.get("engine", "unknown"),
            config.model_dump(mode="json"),
        )

    @cached_property
    def parameters_hash(self) -> str:
        return _hash(json.dumps(self.parameters, sort_keys=True))

    @property
    def id(self) -> str:
        return _hash(f"{self.scale} {self.commit} {self.dirty} {self.parameters_hash}")

    def name(self, start: int) -> str:
        """Such as `quick 1a2b3c4-dirty 2026-11-24 08:30`."""
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(start / 1000))
        return f"{self.scale} {self.commit[:7]}{'-dirty' * self.dirty} {when}"


def _marker(store: _Store, scale: str) -> Path:
    """The file that remembers what the last sync left in the store."""
    return store.root / ".isthmus" / f"tracked-{scale}-{_hash(store.uri)}.json"


def _load(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def _save(path: Path, value: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")
    os.replace(temporary, path)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# --------------------------------------------------------------------------- what MLflow accepts


def flat_parameters(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Parameters by dotted name, as text; lists stay whole.

    Args:
        values: Nested parameters.
        prefix: What the names begin with.
    """
    flat: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flat_parameters(value, f"{prefix}{key}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value)
            flat[_name(f"{prefix}{key}")] = text[:LONGEST_VALUE]
    return flat


def flat_metrics(values: Mapping[str, Any], prefix: str = "") -> Iterator[Point]:
    """The numbers of `metrics.json`, named as the claims name them: `lrmf-realnvp.accuracy.mean`.

    Lists (such as one value a seed) are left to the file, an artifact of the run.

    Args:
        values: Nested numbers.
        prefix: What the names begin with.
    """
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flat_metrics(value, f"{prefix}{key}.")
        elif isinstance(value, int | float):
            yield _name(f"{prefix}{key}"), float(value), 0


def flat_curves(values: Mapping[str, Any]) -> Iterator[Point]:
    """The points of `curves.json`, named with their unit: `curves/loss_nats`.

    Where `value` holds one series a seed, that is their mean, and the series follow as
    `seeds/loss_nats.0`, `seeds/loss_nats.1` and so on.

    Args:
        values: `{"unit": ..., "step": [...], "value": [...]}` by name.

    Raises:
        ValueError: A series has not one value a step.
    """
    for key, curve in values.items():
        steps, series, unit = curve["step"], curve["value"], curve["unit"]
        name = key if unit == "1" or key.endswith(unit) else f"{key}_{unit}"
        if any(isinstance(one, list) for one in series):
            for seed, one in enumerate(series):
                yield from _curve("seeds", f"{name}.{seed}", steps, one)
            series = [None if None in at else fmean(at) for at in zip(*series, strict=True)]
        yield from _curve("curves", name, steps, series)


def _curve(group: str, name: str, steps: list[int], values: list[float | None]) -> Iterator[Point]:
    for step, value in zip(steps, values, strict=True):
        if value is not None:
            yield f"{group}/{_name(name)}", float(value), int(step)


def _name(text: str) -> str:
    """A name that MLflow accepts: no sign but these, no path, not too long."""
    plain = re.sub(r"[^\w.\- :]", "-", text.replace("%", "percent"))
    return plain.lstrip(".")[:LONGEST_NAME] or "-"


# ------------------------------------------------------------------------------------- the store


class _Store:
    """Where a tracking URI leads, as seen from the project's folder."""

    def __init__(self, root: Path, uri: str) -> None:
        self.root = root.resolve()
        self.uri = uri
        self.database: Path | None = None
        self.artifacts: Path | None = None
        if match := re.match(r"sqlite:///([^?]+)", uri):
            self.database = (self.root / match[1]).resolve()
            self.uri = f"sqlite:///{self.database}"
        if re.match(r"sqlite|postgresql|mysql|mssql", uri):
            home = self.database.parent if self.database else self.root
            self.artifacts = home / "mlartifacts"

    def lock(self) -> FileLock:
        """Held while writing: one sync at a time to a database file."""
        path = self.root / ".isthmus" / "locks" / f"tracking-{_hash(self.uri)}.lock"
        if self.database:
            path = self.database.with_name(f"{self.database.name}.lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(path, timeout=LOCK_SECONDS)

    def holds(self, runs: set[str]) -> bool:
        """Whether the runs are in the database, asked without MLflow; a server is believed."""
        if self.database is None:
            return True
        if not self.database.is_file():
            return False
        address = f"{self.database.as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS)) as database:
            rows = database.execute("SELECT run_uuid FROM runs WHERE lifecycle_stage = 'active'")
            return runs <= {run for (run,) in rows}

    def client(self) -> Any:
        """An MLflow client, once the store is found usable."""
        os.environ.update({**ENVIRONMENT, **os.environ})
        from mlflow import MlflowClient

        for name in ("mlflow", "alembic", "urllib3"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        if self.database and self.database.is_file():
            with closing(sqlite3.connect(self.database, timeout=BUSY_SECONDS)) as database:
                database.execute("BEGIN IMMEDIATE")
        elif self.database:
            self._initialise(self.database)
        return MlflowClient(self.uri)

    def _initialise(self, database: Path) -> None:
        """Make the database, whole or not at all: killed half-way, MLflow could not use it."""
        from mlflow import MlflowClient

        aside = database.with_name(f"{database.name}.new")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        try:
            MlflowClient(f"sqlite:///{aside / database.name}").search_experiments()
            for left in ("-journal", "-wal", "-shm"):
                database.with_name(database.name + left).unlink(missing_ok=True)
            os.replace(aside / database.name, database)
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def explain(self, error: Exception) -> str:
        """What is wrong, and the mend, without the password of the address."""
        if isinstance(error, InputError):
            return str(error)
        text = re.split(r"\[SQL|\(Background", _without_password(str(error)))[0]
        mend = "see that it can be reached and written; the next sync delivers the rest"
        if "not a database" in text or "malformed" in text:
            mend = "move the file away; the next sync makes a new one from the records"
        return f"{_without_password(self.uri)}: {' '.join(text.split())[:400]}. Mend: {mend}."


def _without_password(text: str) -> str:
    return re.sub(r"//[^/@\s]*@", "//", text)


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

    instance: _Instance
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
        self, store: _Store, config: Config, instances: list[_Instance], result: SyncResult
    ) -> None:
        self.store = store
        self.instances = instances
        self.result = result
        self.pipeline = _Pipeline.of(config, instances)
        self.marker = _marker(store, config.scale)
        self.done: dict[str, dict[str, str]] = {}

    def run(self) -> None:
        with self.store.lock():
            known = _load(self.marker)
            if self._is_current(known):
                self.result.kept = len(self.instances)
                return
            pipeline, runs = None, known.get("runs", {})
            try:
                self.client = self.store.client()
                self._deliver()
                pipeline, runs = self.pipeline.id, {}
            finally:
                _save(self.marker, {"pipeline": pipeline, "runs": {**runs, **self.done}})

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

    def _plan(self, instance: _Instance, home: str, there: list[Any]) -> _Plan:
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


# ---------------------------------------------------------------------------------------- the UI


def serve(root: Path, config: Config, *, host: str = "127.0.0.1", port: int = 5000) -> None:
    """Sync, then become the MLflow UI over the runs; for a server elsewhere, say where it is.

    Args:
        root: The project's folder.
        config: The parameters of the scale to sync.
        host: Address to listen on.
        port: Port to listen on.

    Raises:
        InputError: The address cannot be listened on, such as a port that is taken.
    """
    store = _Store(root, store_uri(config))
    if store.artifacts:
        try:
            socket.create_server((host, port)).close()
        except (OSError, OverflowError) as error:
            taken = getattr(error, "errno", None) == errno.EADDRINUSE
            problem = "the port is taken" if taken else f"cannot listen there ({error})"
            raise InputError(f"{host}:{port}", problem, mend="choose another --port") from None
    result = sync(root, config)
    if result.reason:
        print(f"warning: not all runs are up to date: {result.reason}", file=sys.stderr)
    address = f"http://{host}:{port}" if store.artifacts else _without_password(store.uri)
    print(*_tables(address, run_links(root, config)), sep="\n", flush=True)
    if store.artifacts:
        command = [sys.executable, "-m", "mlflow", "server", "--workers", "1"]
        command += ["--artifacts-destination", str(store.artifacts)]
        command += ["--host", host, "--port", str(port)]
        quiet = {**ENVIRONMENT, "MLFLOW_LOGGING_LEVEL": "WARNING"}
        hidden = {"MLFLOW_BACKEND_STORE_URI": store.uri}  # its password: not in a process list
        os.execve(sys.executable, command, {**quiet, **os.environ, **hidden})


def _tables(address: str, links: dict[str, tuple[str, str]]) -> Iterator[str]:
    """Links to the run table of each topic: MLflow's first page shows something else."""
    homes = {_topic(key.split("@")[0]): experiment for key, (experiment, _) in links.items()}
    yield f"MLflow: {address}"
    for topic, experiment in sorted(homes.items()):
        yield f"{topic}: {address}/#/experiments/{experiment}/runs?workflowType=machine_learning"
