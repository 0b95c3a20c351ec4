from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from isthmus import config as configuration
from isthmus.config import Config
from isthmus.errors import InputError
from isthmus.record import Record
from isthmus.tracking import store as stores
from isthmus.tracking.disk import LARGEST_SHOWN, TOPICS
from isthmus.tracking.points import LONGEST_VALUE, flat_curves, flat_metrics, flat_parameters
from isthmus.tracking.store import Store, store_uri
from isthmus.tracking.sync import SyncResult, run_links, sync
from isthmus.tracking.ui import serve

PROJECT = Path(__file__).parents[2]
STEPS = list(range(0, 1200, 2))
METRICS = {
    "lrmf-realnvp": {"accuracy": {"mean": 0.99, "std": 0.01, "seeds": 2, "values": [1, 0.98]}}
}
CURVES = {
    "loss": {"unit": "nats", "step": STEPS, "value": [[2.0] * 600, [4.0] * 600]},
    "norm": {"unit": "1", "step": STEPS, "value": [1.0] * 600},
}


@pytest.fixture(scope="session")
def config() -> Config:
    return configuration.load(PROJECT, "smoke")


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables and nothing of ours: making one takes seconds."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    Store(path.parent, "sqlite:///mlflow.db").client()
    return path


@dataclass
class Project:
    """A project's folder with made-up stage folders."""

    root: Path
    config: Config

    def stage(self, key: str, folder: str, *, parameters: Any = None, **times: Any) -> Path:
        """One finished instance; call it again to finish it anew."""
        stage, _, item = key.partition("@")
        home = self.root / folder
        home.mkdir(parents=True, exist_ok=True)
        flags = f" --pair {item}" if item else ""
        outputs = [path for path in home.iterdir() if path.name != "record.json"]
        record = Record(
            key=key,
            stage=stage,
            scale="smoke",
            command=f"python -m isthmus.stages.{stage} --scale smoke{flags}",
            module=f"isthmus.stages.{stage}",
            seed=7,
            parameters=parameters or {"seed": 0, "prefit.moons": {"seeds": 2, "hidden": [16]}},
            inputs={
                "runs/smoke/points/moons/test.parquet": "c0ffee" * 10,
                "claims.yaml": "ab" * 32,
            },
            code={"src/isthmus/job.py": "cd" * 32},
            outputs={f"{folder}/{path.name}": _sha256(path) for path in outputs},
            versions={"python": "3.11"},
        )
        (home / "record.json").write_text(record.to_json())
        path = self.root / "runs" / "smoke" / ".times" / f"{key}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        known = {
            "key": key,
            "started": 1.8e9,
            "seconds": 12.5,
            "peak_memory_bytes": 3 * 2**20,
            "engine": "snakemake",
            "commit": "1a2b3c4" + "0" * 33,
            "dirty": False,
        }
        path.write_text(json.dumps(known | times))
        return home

    def two_stages(self, **times: Any) -> None:
        self.stage("points@moons", "runs/smoke/points/moons", **times)
        home = self.stage("lrmf@moons", "runs/smoke/align/moons/lrmf", **times)
        (home / "metrics.json").write_text(json.dumps(METRICS))
        (home / "curves.json").write_text(json.dumps(CURVES))
        (home / "sheet.png").write_bytes(b"\x89PNG")
        self.stage("lrmf@moons", "runs/smoke/align/moons/lrmf", **times)

    def sync(self, uri: str | None = None) -> SyncResult:
        before = self.fingerprint()
        result = sync(self.root, self.config, uri=uri)
        assert self.fingerprint() == before
        return result

    def fingerprint(self) -> dict[str, str]:
        homes = (self.root / "runs", self.root / "reports")
        files = [path for home in homes for path in home.rglob("*") if path.is_file()]
        return {str(path): f"{_sha256(path)} {path.stat().st_mtime_ns}" for path in files}

    @property
    def client(self) -> Any:
        from mlflow import MlflowClient

        return MlflowClient(f"sqlite:///{self.root / 'mlflow.db'}")

    def runs(self, query: str = "") -> list[Any]:
        homes = [home.experiment_id for home in self.client.search_experiments()]
        return list(self.client.search_runs(homes, query))

    def child(self, key: str, query: str = "tags.pipeline != ''") -> Any:
        (run,) = self.runs(f"{query} and tags.key = '{key}'")
        return run


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def bare(tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Project(tmp_path, config)


@pytest.fixture
def project(bare: Project, empty_store: Path) -> Project:
    shutil.copy(empty_store, bare.root / "mlflow.db")
    bare.two_stages()
    return bare


# ------------------------------------------------------------------------------ what is delivered


def test_runs_stand_below_one_parent_a_topic(project: Project) -> None:
    assert project.sync() == SyncResult(created=2)
    names = {home.experiment_id: home.name for home in project.client.search_experiments()}
    parents = [run for run in project.runs() if "key" not in run.data.tags]
    assert sorted(names.values()) == ["Default", "isthmus alignment", "isthmus data"]
    assert len(parents) == 2
    for parent in parents:
        stamp = time.strftime("%Y-%m-%d %H:%M", time.localtime(1.8e9))
        assert parent.info.run_name == f"smoke 1a2b3c4 {stamp}"
        assert parent.info.status == "FINISHED"
        tags = parent.data.tags
        assert (tags["scale"], tags["engine"], tags["dirty"]) == ("smoke", "snakemake", "false")
        assert tags["mlflow.source.git.commit"].startswith("1a2b3c4")
        assert parent.data.params["data.moons.noise"] == "0.05"
        assert parent.data.metrics["stages"] == 1
        (child,) = project.runs(f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
        assert child.info.experiment_id == parent.info.experiment_id


def test_a_child_holds_numbers_curves_figures_and_inputs(project: Project) -> None:
    project.sync()
    run = project.child("lrmf@moons")
    assert run.info.run_name == "lrmf@moons"
    assert (run.info.start_time, run.info.end_time) == (1_800_000_000_000, 1_800_000_012_500)
    assert run.data.params == {
        "pair": "moons",
        "job_seed": "7",
        "seed": "0",
        "prefit.moons.seeds": "2",
        "prefit.moons.hidden": "[16]",
    }
    assert run.data.metrics == {
        "lrmf-realnvp.accuracy.mean": 0.99,
        "lrmf-realnvp.accuracy.std": 0.01,
        "lrmf-realnvp.accuracy.seeds": 2,
        "curves/loss_nats": 3,
        "seeds/loss_nats.0": 2,
        "seeds/loss_nats.1": 4,
        "curves/norm": 1,
        "cost/seconds": 12.5,
        "cost/peak_memory_mebibytes": 3,
    }
    history = project.client.get_metric_history(run.info.run_id, "curves/loss_nats")
    assert [point.step for point in history] == STEPS
    files = {file.path for file in project.client.list_artifacts(run.info.run_id)}
    assert files == {"curves.json", "metrics.json", "record.json", "sheet.png"}
    (read_,) = run.inputs.dataset_inputs
    assert (read_.dataset.name, read_.dataset.digest) == ("points/moons/test.parquet", "c0ffee" * 2)


def test_large_and_other_files_stay_where_they_are(project: Project) -> None:
    home = project.root / "runs/smoke/points/moons"
    (home / "large.png").write_bytes(bytes(LARGEST_SHOWN + 1))
    (home / "largest.png").write_bytes(bytes(LARGEST_SHOWN))
    (home / "test.parquet").write_bytes(b"rows")
    project.sync()
    run = project.child("points@moons")
    files = {file.path for file in project.client.list_artifacts(run.info.run_id)}
    assert files == {"largest.png", "record.json"}


def test_every_stage_of_the_pipeline_has_a_topic() -> None:
    stages = yaml.safe_load((PROJECT / "dvc.yaml").read_text())["stages"]
    assert set(stages) - set(TOPICS) == set()


def test_a_new_stage_gets_a_topic_of_its_own_and_needs_no_times(project: Project) -> None:
    project.stage("dance@skeleton", "runs/smoke/dance/skeleton")
    (project.root / "runs/smoke/.times/dance@skeleton.json").unlink()
    assert project.sync().created == 3
    assert project.client.get_experiment_by_name("isthmus dance") is not None
    assert "cost/seconds" not in project.child("dance@skeleton").data.metrics


def test_reports_are_synced_too(project: Project) -> None:
    home = project.stage("report", "reports/smoke")
    (home / "index.html").write_text("<h1>Scorecard</h1>")
    assert project.sync().created == 3
    files = project.client.list_artifacts(project.child("report").info.run_id)
    assert {file.path for file in files} == {"index.html", "record.json"}


def test_links_lead_to_the_runs(project: Project) -> None:
    assert run_links(project.root, project.config) == {}
    project.sync()
    run = project.child("lrmf@moons")
    links = run_links(project.root, project.config)
    assert set(links) == {"lrmf@moons", "points@moons"}
    assert links["lrmf@moons"] == (run.info.experiment_id, run.info.run_id)


# ------------------------------------------------------------------------------------ idempotence


def test_the_second_sync_does_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.sync()
    monkeypatch.setattr(Store, "client", lambda self: pytest.fail("MLflow was asked"))
    assert project.sync() == SyncResult(kept=2)


def test_the_second_sync_does_not_load_mlflow(project: Project) -> None:
    project.sync()
    code = f"""
        import sys
        from pathlib import Path
        from isthmus import config
        from isthmus.tracking import sync
        values = config.load(Path({str(PROJECT)!r}), "smoke")
        root = Path({str(project.root)!r})
        assert sync.sync(root, values) == sync.SyncResult(kept=2)
        assert len(sync.run_links(root, values)) == 2
        assert "mlflow" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


def test_without_the_marker_the_store_itself_is_asked(project: Project) -> None:
    project.sync()
    shutil.rmtree(project.root / ".isthmus")
    assert project.sync() == SyncResult(kept=2)
    assert len(project.runs()) == 4


def test_a_changed_stage_replaces_its_run(project: Project) -> None:
    project.sync()
    old = project.child("lrmf@moons")
    project.stage("lrmf@moons", "runs/smoke/align/moons/lrmf", parameters={"seed": 1})
    assert project.sync() == SyncResult(created=1, kept=1, superseded=1)
    new = project.child("lrmf@moons")
    assert new.data.params["seed"] == "1"
    assert new.data.tags["mlflow.parentRunId"] == old.data.tags["mlflow.parentRunId"]
    assert project.client.get_run(old.info.run_id).info.lifecycle_stage == "deleted"
    assert project.sync() == SyncResult(kept=2)


def test_a_new_pipeline_run_marks_what_it_did_not_execute(project: Project) -> None:
    project.sync()
    first = project.child("points@moons")
    project.stage(
        "lrmf@moons", "runs/smoke/align/moons/lrmf", parameters={"seed": 1}, commit="f" * 40
    )
    project.stage("points@moons", "runs/smoke/points/moons")
    times = project.root / "runs/smoke/.times/lrmf@moons.json"
    times.write_text(json.dumps(json.loads(times.read_text()) | {"started": 1.9e9, "dirty": True}))
    assert project.sync() == SyncResult(created=2, cached=1)

    (parent,) = {run.data.tags["pipeline"] for run in project.runs("tags.dirty = 'true'")}
    cached = project.child("points@moons", f"tags.pipeline = '{parent}'")
    executed = project.child("lrmf@moons", f"tags.pipeline = '{parent}'")
    assert cached.data.tags["cached"] == "true"
    assert cached.data.tags["executed_in"] == first.info.run_id
    assert first.info.run_id in cached.data.tags["mlflow.note.content"]
    assert executed.data.tags["cached"] == "false"
    assert "executed_in" not in executed.data.tags
    names = {run.info.run_name for run in project.runs() if "key" not in run.data.tags}
    assert any(name.startswith("smoke fffffff-dirty 2030-03-") for name in names)
    assert project.sync() == SyncResult(kept=2)


def test_cached_runs_are_whole_but_for_the_curves(project: Project) -> None:
    project.sync()
    project.stage("points@moons", "runs/smoke/points/moons", commit="f" * 40, started=1.9e9)
    assert project.sync() == SyncResult(created=2, cached=2)
    run = project.child("lrmf@moons", "tags.cached = 'true'")
    assert "lrmf-realnvp.accuracy.mean" in run.data.metrics
    assert "curves/loss_nats" not in run.data.metrics
    files = {file.path for file in project.client.list_artifacts(run.info.run_id)}
    assert "sheet.png" in files


def test_going_back_finds_the_earlier_pipeline_run(project: Project) -> None:
    project.sync()
    times = {"commit": "f" * 40, "started": 1.9e9}
    project.stage("points@moons", "runs/smoke/points/moons", **times)
    project.sync()
    project.stage("points@moons", "runs/smoke/points/moons")
    assert project.sync() == SyncResult(kept=2)
    assert len(project.runs()) == 8


def test_what_was_deleted_in_the_ui_comes_back(project: Project) -> None:
    project.sync()
    run = project.child("lrmf@moons")
    project.client.delete_run(run.info.run_id)
    assert project.sync() == SyncResult(created=1, kept=1)
    project.client.delete_experiment(run.info.experiment_id)
    assert project.sync().failed == 0
    assert project.child("lrmf@moons").info.status == "FINISHED"


# --------------------------------------------------------------------------------------- failures


def test_a_damaged_file_stops_only_its_own_stage(project: Project) -> None:
    home = project.root / "runs/smoke/align/moons/lrmf"
    (home / "metrics.json").write_text('{"accuracy": ')
    project.stage("coral@moons", "runs/smoke/align/moons/coral")
    (project.root / "runs/smoke/align/moons/coral/record.json").write_text("[]")
    result = project.sync()
    assert (result.created, result.failed) == (1, 2)
    assert "metrics.json" in result.reason
    (home / "metrics.json").write_text(json.dumps(METRICS))
    project.stage("coral@moons", "runs/smoke/align/moons/coral")
    assert project.sync() == SyncResult(created=2, kept=1)


@pytest.mark.parametrize("call", ["create_run", "log_batch", "log_artifact", "set_terminated"])
def test_a_sync_that_breaks_off_is_made_good(
    project: Project, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    from mlflow import MlflowClient

    real, calls = getattr(MlflowClient, call), []

    def broken(*arguments: Any, **named: Any) -> Any:
        calls.append(call)
        if len(calls) == 2:
            raise OSError("No space left on device")
        return real(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, call, broken)
        result = project.sync()
    assert result.created + result.failed == 2
    assert "No space left on device" in result.reason
    assert project.sync().failed == 0
    assert {run.info.status for run in project.runs()} == {"FINISHED"}
    assert project.sync() == SyncResult(kept=2)
    assert len(project.runs()) == 4


def test_a_new_pipeline_run_that_broke_off_is_not_forgotten(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    project.sync()
    project.stage("points@moons", "runs/smoke/points/moons", commit="f" * 40, started=1.9e9)
    with monkeypatch.context() as patch:
        patch.delattr(MlflowClient, "create_run")
        assert project.sync().failed == 2
    assert project.sync() == SyncResult(created=2, cached=2)


HOLD = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("synced", [False, True])
def test_a_locked_store_is_left_for_later(
    project: Project, monkeypatch: pytest.MonkeyPatch, synced: bool
) -> None:
    monkeypatch.setattr(stores, "BUSY_SECONDS", 0.2)
    if synced:
        project.sync()
        project.stage("lrmf@moons", "runs/smoke/align/moons/lrmf", parameters={"seed": 1})
    links = run_links(project.root, project.config)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(project.root / "mlflow.db")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        result = project.sync()
        holder.kill()
    assert result.failed == 2
    assert "locked" in result.reason
    assert run_links(project.root, project.config) == links
    assert project.sync() == SyncResult(created=2 - synced, kept=synced, superseded=synced)


def test_a_full_disk_is_left_for_later(project: Project) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = (project.root / "mlflow.db").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        result = sync(project.root, project.config)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert result.failed > 0
    assert "disk" in result.reason
    assert project.sync().failed == 0
    assert len(project.child("lrmf@moons").data.metrics) == 9


@pytest.mark.parametrize("synced", [False, True])
@pytest.mark.parametrize("part", [0.0, 0.5])
def test_a_damaged_store_is_named_and_made_anew(
    project: Project, empty_store: Path, synced: bool, part: float
) -> None:
    database = project.root / "mlflow.db"
    if synced:
        project.sync()
    whole = database.read_bytes()
    damaged = whole[: int(part * len(whole))] + b"\x17\x2a" * 5000
    database.unlink()
    database.write_bytes(damaged)
    result = project.sync()
    assert result.failed == 2
    assert "move the file away" in result.reason
    assert database.read_bytes() == damaged
    database.unlink()
    shutil.copy(empty_store, database)
    assert project.sync() == SyncResult(created=2)


def test_a_store_that_was_moved_is_named(project: Project, tmp_path: Path) -> None:
    project.sync()
    project.stage("lrmf@moons", "runs/smoke/align/moons/lrmf", parameters={"seed": 1})
    moved = Project(tmp_path / "elsewhere", project.config)
    shutil.copytree(project.root / "runs", moved.root / "runs")
    shutil.copy(project.root / "mlflow.db", moved.root)
    result = moved.sync()
    assert result.failed == 2
    assert "made elsewhere" in result.reason


def test_a_folder_that_cannot_be_made_is_named(bare: Project) -> None:
    bare.two_stages()
    (bare.root / "file").write_text("")
    result = sync(bare.root, bare.config, uri="sqlite:///file/mlflow.db")
    assert result.failed == 2
    assert "file" in result.reason


def test_no_stage_no_store(bare: Project) -> None:
    assert bare.sync() == SyncResult()
    assert not (bare.root / "mlflow.db").exists()


@contextmanager
def _server(root: Path, port: int) -> Iterator[None]:
    """An MLflow server on the project's database, within this process."""
    from mlflow.server import app, handlers
    from werkzeug.serving import make_server

    store = f"sqlite:///{root / 'mlflow.db'}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", store)  # MLflow sets it itself, and would leave it so
        handlers.initialize_backend_stores(store, store, str(root / "kept"))
        server = make_server("127.0.0.1", port, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def test_an_absent_server_fails_fast_and_gets_all_once_it_is_there(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    uri = f"http://reader:secret@127.0.0.1:{port}"
    began = time.monotonic()
    result = project.sync(uri)
    assert time.monotonic() - began < 10
    assert result.failed == 2
    assert str(port) in result.reason
    assert "secret" not in result.reason
    with _server(project.root, port):
        assert project.sync(uri) == SyncResult(created=2)
    run = project.child("lrmf@moons")
    assert "sheet.png" in {file.path for file in project.client.list_artifacts(run.info.run_id)}
    assert project.sync(uri) == SyncResult(kept=2)
    assert run_links(project.root, project.config) == {}


EIGHT = """
import os, sys
from pathlib import Path
from isthmus import config
from isthmus.tracking import sync
from mlflow import MlflowClient

values, uri = config.load(Path(sys.argv[1]), "smoke"), sys.argv[2]
children = []
for root in sys.argv[3:]:
    if not (child := os.fork()):
        result = sync.sync(Path(root), values, uri=uri)
        print(result, flush=True)
        os._exit(result.failed)
    children.append(child)
sys.exit(any(os.waitpid(child, 0)[1] for child in children))
"""


def _leave_a_journal(database: Path) -> None:
    """What a database leaves beside it when its process is killed in a transaction."""
    other = database.with_name("other.db")
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("CREATE TABLE numbers AS SELECT randomblob(4000) AS blob")
        connection.execute("INSERT INTO numbers SELECT blob FROM numbers")
        connection.commit()
        connection.execute("UPDATE numbers SET blob = zeroblob(400000)")
        shutil.copy(f"{other}-journal", f"{database}-journal")
    other.unlink()


def test_eight_processes_at_once_on_a_new_store_lose_nothing(bare: Project) -> None:
    database = bare.root / "mlflow.db"
    roots = [bare.root / f"clone{number // 2}" for number in range(8)]
    for number, root in enumerate(roots):
        Project(root, bare.config).two_stages(commit=f"{number // 2}" * 40)
    command = [sys.executable, "-c", EIGHT, str(PROJECT), f"sqlite:///{database}", *map(str, roots)]

    with subprocess.Popen(command[:-7], start_new_session=True) as first:
        while first.poll() is None and not list(bare.root.glob("mlflow.db*/*")):
            time.sleep(0.01)
        os.killpg(first.pid, signal.SIGKILL)  # while it makes the store
    assert not database.exists()
    _leave_a_journal(database)

    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("created=2") == 4
    assert done.stdout.count("kept=2") == 4
    executed = bare.runs("tags.cached = 'false'")
    cached = bare.runs("tags.cached = 'true'")
    assert (len(executed), len(cached)) == (2, 6)
    assert {run.info.status for run in bare.runs()} == {"FINISHED"}
    assert len([run for run in bare.runs() if "key" not in run.data.tags]) == 8
    left = sorted(path.name for path in bare.root.glob("mlflow.db*"))
    assert left == ["mlflow.db", "mlflow.db.lock"]
    with closing(sqlite3.connect(database)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert "numbers" not in tables  # the old journal was not rolled back into the new store


def test_an_experiment_made_by_another_host_meanwhile_is_used(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    project.sync()
    shutil.rmtree(project.root / ".isthmus")
    real, asked = MlflowClient.get_experiment_by_name, []

    def blind_once(self: Any, name: str) -> Any:
        asked.append(name)
        return real(self, name) if asked.count(name) > 1 else None

    monkeypatch.setattr(MlflowClient, "get_experiment_by_name", blind_once)
    assert project.sync() == SyncResult(kept=2)


# --------------------------------------------------------------------------------------- names


def test_the_environment_names_the_store(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert store_uri(config) == config.tracking.store
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking.example")
    assert store_uri(config) == "http://tracking.example"


def test_metrics_keep_the_names_of_the_claims() -> None:
    points = list(
        flat_metrics({"a": {"b": {"mean": 1, "values": [1, 2]}, "note": "x"}, "ok": True})
    )
    assert points == [("a.b.mean", 1.0, 0), ("ok", 1.0, 0)]


def test_curves_carry_units_means_and_seeds() -> None:
    curves = {
        "loss_nats": {"unit": "nats", "step": [0, 5], "value": [[1, 2], [3, None]]},
        "share": {"unit": "%", "step": [0], "value": [50]},
    }
    assert list(flat_curves(curves)) == [
        ("seeds/loss_nats.0", 1.0, 0),
        ("seeds/loss_nats.0", 2.0, 5),
        ("seeds/loss_nats.1", 3.0, 0),
        ("curves/loss_nats", 2.0, 0),
        ("curves/share_percent", 50.0, 0),
    ]
    with pytest.raises(ValueError, match="zip"):
        list(flat_curves({"a": {"unit": "1", "step": [0, 1], "value": [1]}}))


KEYS = st.text(min_size=1, max_size=300)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
NESTED = st.recursive(NUMBERS, lambda inner: st.dictionaries(KEYS, inner, max_size=3))


@given(st.dictionaries(KEYS, NESTED, max_size=3))
@example({"": 1.0, ".": 1.0, "..": {"/": 1.0}, "../a": 1.0, "accuracy [%]": 1.0, "x" * 300: 1.0})
def test_names_fit_mlflow(values: dict[str, Any]) -> None:
    from mlflow.utils.validation import _validate_metric, _validate_param

    curve = {"unit": "%", "step": [0], "value": [[1.0]]}
    curves = flat_curves(dict.fromkeys(values, curve))
    for name, value, step in [*flat_metrics(values), *curves]:
        _validate_metric(name, value, 0, step)
        _validate_param(name, "")
    for name, text in flat_parameters(values).items():
        _validate_param(name, text)


def test_many_and_long_parameters_reach_the_store(project: Project) -> None:
    parameters = {"long": "x" * 7000, "none": "", **{f"p{n}": n for n in range(250)}}
    assert flat_parameters(parameters)["long"] == "x" * LONGEST_VALUE
    project.stage("lrmf@moons", "runs/smoke/align/moons/lrmf", parameters=parameters)
    assert project.sync() == SyncResult(created=2)
    run = project.child("lrmf@moons")
    assert len(run.data.params) == 254
    assert run.data.params["long"] == "x" * LONGEST_VALUE


# ------------------------------------------------------------------------------------------ serve


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    calls: list[Any] = []
    monkeypatch.setattr(os, "execve", lambda *arguments: calls.append(arguments))
    return calls


def test_serving_syncs_and_links_to_the_run_tables(
    project: Project, executed: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    serve(project.root, project.config, port=port)
    ((program, command, environment),) = executed
    assert program == sys.executable
    assert command[1:4] == ["-m", "mlflow", "server"]
    assert environment["MLFLOW_BACKEND_STORE_URI"] == f"sqlite:///{project.root / 'mlflow.db'}"
    assert str(project.root / "mlartifacts") in command
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
    home, _ = run_links(project.root, project.config)["lrmf@moons"]
    page = f"http://127.0.0.1:{port}/#/experiments/{home}/runs?workflowType=machine_learning"
    assert f"alignment: {page}" in capsys.readouterr().out


def test_a_taken_port_is_named(project: Project, executed: list[Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"127.0.0.1:{port}.*port is taken.*--port"):
            serve(project.root, project.config, port=port)
    assert executed == []
    assert run_links(project.root, project.config) == {}


def test_a_server_elsewhere_is_linked_to_and_not_started(
    project: Project,
    executed: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    serve(project.root, project.config)
    printed = capsys.readouterr()
    assert "http://127.0.0.1:1" in printed.out
    assert "not all runs" in printed.err
    assert executed == []
