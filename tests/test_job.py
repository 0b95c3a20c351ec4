"""The frame around a stage: killed at any moment, given anything, it leaves old outputs or none."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
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


def run(*arguments):
    return subprocess.run(arguments or COMMAND, capture_output=True, text=True)


def test_a_stage_leaves_its_outputs_and_a_record_that_holds(home):
    assert run().returncode == 0
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


def test_the_same_command_leaves_the_same_bytes(home):
    run()
    first = {path.name: path.read_bytes() for path in FOLDER.iterdir()}
    run()
    assert {path.name: path.read_bytes() for path in FOLDER.iterdir()} == first


def test_killed_at_any_moment_it_leaves_the_old_outputs_or_none(home):
    started = time.perf_counter()
    assert run().returncode == 0
    whole = time.perf_counter() - started
    old = {path.name: path.read_bytes() for path in FOLDER.iterdir()}
    draw = random.Random(0)
    killed = 0
    for _ in range(20):
        process = subprocess.Popen(COMMAND, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(draw.uniform(0.3, 1.1) * whole)
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        left = {path.name: path.read_bytes() for path in FOLDER.glob("*")}
        assert left in ({}, old)
    assert killed >= 10
    assert run().returncode == 0
    assert {path.name: path.read_bytes() for path in FOLDER.iterdir()} == old
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
def test_a_wrong_parameter_file_is_refused_by_key(home, old, new, said):
    path = home / "params.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    done = run()
    assert done.returncode == 2
    assert said in done.stderr
    assert "Mend:" in done.stderr
    assert "Traceback" not in done.stderr
    assert not FOLDER.exists()


def test_a_missing_or_damaged_input_is_named(home):
    command = [sys.executable, "-m", "isthmus.stages.coral", "--scale", "smoke", "--pair", "blobs"]
    done = run(*command)
    assert done.returncode == 2
    assert "runs/smoke/points/blobs/train.parquet" in done.stderr
    run()
    path = FOLDER / "train.parquet"
    path.write_bytes(path.read_bytes()[:200])
    done = run(*command)
    assert done.returncode == 2
    assert "train.parquet" in done.stderr
    assert "Mend:" in done.stderr
    assert not Path("runs/smoke/align").exists()
    assert not list(Path("runs/smoke/.staging").iterdir())


def test_a_folder_that_cannot_be_written_is_named(home):
    Path("runs").write_text("a file where the folder should be")
    done = run()
    assert done.returncode == 2
    assert "error: runs" in done.stderr
    assert "Mend:" in done.stderr
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
