"""The frame around a stage: killed at any moment, given anything, it leaves old outputs or none."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from isthmus import record
from isthmus.closure import closure
from isthmus.config import load
from isthmus.record import survey

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-m", "isthmus.stages.points", "--scale", "smoke", "--pair", "blobs"]
FOLDER = Path("runs/smoke/points/blobs")
FILES = {"train.parquet", "test.parquet", "sheet.png", "record.json"}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder with the parameter files and a name that is hard on careless code."""
    folder = tmp_path / "Übung mit Leerzeichen"
    (folder / "workflow").mkdir(parents=True)
    (folder / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    os.symlink(ROOT / "workflow" / "scales", folder / "workflow" / "scales")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return folder


def run():
    return subprocess.run(COMMAND, capture_output=True, text=True)


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """The folder `runs` after one run of the stage."""
    home = tmp_path_factory.mktemp("made")
    (home / "workflow").mkdir()
    os.symlink(ROOT / "params.yaml", home / "params.yaml")
    os.symlink(ROOT / "workflow" / "scales", home / "workflow" / "scales")
    subprocess.run(COMMAND, cwd=home, env=os.environ | {"OMP_NUM_THREADS": "1"}, check=True)
    return home / "runs"


@pytest.fixture
def ran(home, made):
    """The bytes the stage left in `home`, by name."""
    shutil.copytree(made, "runs")
    return contents()


def contents():
    return {path.name: path.read_bytes() for path in FOLDER.glob("*")}


def refusal(stage, monkeypatch, capsys):
    """What a stage says, called in this process, when it refuses to run."""
    monkeypatch.setattr("isthmus.job.seed_everything", lambda *_, **__: None)
    with pytest.raises(SystemExit) as end:
        import_module(f"isthmus.stages.{stage}").main(COMMAND[3:])
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert "Mend:" in said
    return said


def test_a_stage_leaves_its_outputs_and_a_record_that_holds(home, ran):
    assert {path.name for path in FOLDER.iterdir()} == FILES
    made = record.read(FOLDER / "record.json")
    assert made.command.split()[1:] == COMMAND[1:]
    assert set(made.outputs) == {str(FOLDER / name) for name in FILES - {"record.json"}}
    assert set(made.parameters) == {"seed", "threads", "data.blobs"}
    assert not list((home / "runs/smoke/.staging").iterdir())
    times = json.loads(Path("runs/smoke/.times/points@blobs.json").read_text())
    assert times["record"] == made.digest
    assert times["seconds"] > 0
    states = survey(Path(), load(scale="smoke"))
    code = [r for r in states["points@blobs"].reasons if not r.startswith("source")]
    assert code == []


def test_the_same_command_leaves_the_same_bytes(home, ran):
    assert run().returncode == 0
    assert contents() == ran


DYING = """
import os, runpy, signal, sys

def count(event, arguments, changes=("os.mkdir", "os.rename", "os.remove", "os.rmdir")):
    global left
    if event in changes or event == "open" and str(arguments[0]).startswith(folder):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def test_killed_at_any_moment_it_leaves_the_old_outputs_the_new_or_none(
    home, made, ran, monkeypatch
):
    """Before each change of files; forked from a process that has the libraries, for speed."""
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(
        ["pytest", "torch._dynamo", "pandas", "isthmus.data.toys", "isthmus.report.figures"]
    )
    monkeypatch.setattr(sys, "argv", COMMAND[2:])

    def run_until(moment):
        scope = {"left": moment, "folder": str(FOLDER)}
        process = server.Process(target=exec, args=(DYING, scope))
        process.start()
        process.join()
        assert process.exitcode in (0, -signal.SIGKILL)
        return process.exitcode == 0

    parameters = home / "params.yaml"
    parameters.write_text(parameters.read_text().replace("seed: 0", "seed: 1", 1))
    assert run_until(0)
    new, found = contents(), []
    assert new.keys() == ran.keys() and new != ran
    for moment in itertools.count(1):
        shutil.rmtree(FOLDER, ignore_errors=True)
        shutil.copytree(made / FOLDER.relative_to("runs"), FOLDER)
        if run_until(moment):
            break
        found.append(contents())
        assert found[-1] in ({}, ran, new)
    assert ran in found and new in found
    assert contents() == new
    assert not list((home / "runs/smoke/.staging").iterdir())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("noise: 0.05", "noise: .nan", "data.moons.noise"),
        ("latent: 16", "latent: 0", "embed.latent"),
        ("kl_weight: 1.0", "kl_wieght: 1.0", "did you mean `embed.kl_weight`"),
        ("seed: 0", "seed: -1", "seed"),
        ("seed: 0", "seed: zero", "seed"),
        ("pairs: [moons, blobs", "pairs: [moons, moons, blobs", "stands twice"),
        ("pairs: [moons, blobs", "pairs: [moons, bolbs", "'bolbs'"),
        ("scale: quick", "scale: quack", "'quack' is no scale"),
        ("scale: quick", "scale: [", "not YAML"),
        ("a: optdigits", "a: usps", "is not prepared"),
    ],
)
def test_a_wrong_parameter_file_is_refused_by_key(home, old, new, said, monkeypatch, capsys):
    path = home / "params.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    assert said in refusal("points", monkeypatch, capsys)
    assert not FOLDER.exists()


def test_a_missing_or_damaged_input_is_named(home, made, monkeypatch, capsys):
    path = FOLDER / "train.parquet"
    assert str(path) in refusal("coral", monkeypatch, capsys)
    shutil.copytree(made, "runs", dirs_exist_ok=True)
    path.write_bytes(path.read_bytes()[:200])
    assert "train.parquet" in refusal("coral", monkeypatch, capsys)
    assert not Path("runs/smoke/align").exists()
    assert not list(Path("runs/smoke/.staging").iterdir())


def test_a_folder_that_cannot_be_written_is_named(home):
    Path("runs").write_text("a file where the folder should be")
    done = run()
    assert done.returncode == 2
    assert "error: runs" in done.stderr
    assert "Mend:" in done.stderr
    assert "Traceback" not in done.stderr
    assert Path("runs").read_text() == "a file where the folder should be"


def test_two_runs_of_one_instance_at_once_do_not_mix(home):
    first = subprocess.Popen(COMMAND, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    second = subprocess.Popen(COMMAND, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    codes = [process.wait() for process in (first, second)]
    errors = [process.stderr.read() for process in (first, second)]
    assert 0 in codes
    assert {path.name for path in FOLDER.iterdir()} == FILES
    for code, error in zip(codes, errors, strict=True):
        assert code == 0 or "another process" in error


def test_the_closure_follows_imports_to_the_end():
    files = closure("isthmus.stages.coral")
    assert "src/isthmus/stages/coral.py" in files
    assert "src/isthmus/alignment/coral.py" in files
    assert "src/isthmus/config/schema.py" in files
    assert "src/isthmus/alignment/lrmf.py" not in files
    assert "src/isthmus/tracking.py" not in files
    assert all((ROOT / file).is_file() for file in files)
