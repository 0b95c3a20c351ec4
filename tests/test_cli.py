"""The command line, as a user calls it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def isthmus(*arguments, cwd=ROOT):
    code = "from isthmus.cli import app; app()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=cwd, capture_output=True, text=True
    )


def test_every_command_is_explained():
    done = isthmus("--help")
    assert done.returncode == 0
    for name in ("scorecard", "ui", "plan", "explain", "handover", "scale", "publish", "compare"):
        assert name in done.stdout


def test_the_scorecard_is_the_designs_json():
    done = isthmus("scorecard", "--scale", "smoke", "--json")
    entries = json.loads(done.stdout)
    keys = "id topic system claim published measured unit rule verdict scale seeds source run_id"
    assert {tuple(sorted(entry)) for entry in entries} == {tuple(sorted(keys.split()))}
    assert {entry["verdict"] for entry in entries} == {"not-measured"}


def test_a_plan_names_what_makes_a_file_and_runs_nothing():
    done = isthmus("plan", "runs/quick/align/moons/lrmf-realnvp/aligned.parquet")
    assert done.returncode == 0
    stages = [line.split()[0] for line in done.stdout.splitlines() if "(seed" in line]
    assert stages == ["points@moons", "prefit@moons", "lrmf@moons-realnvp"]
    assert "--pair moons --family realnvp" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("plan", "nothing-makes-this"), "nothing-makes-this"),
        (("explain", "no-such-stage"), "no-such-stage"),
        (("scorecard", "--scale", "huge"), "'huge' is no scale"),
        (("scale", "huge"), "'huge' is no scale"),
    ],
)
def test_unusable_input_ends_in_one_line(arguments, said):
    done = isthmus(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_outside_the_project_the_missing_file_is_named(tmp_path):
    done = isthmus("scorecard", cwd=tmp_path)
    assert done.returncode == 2
    assert "params.yaml" in done.stderr


def test_switching_scales_and_back_leaves_the_file_as_it_was(tmp_path):
    (tmp_path / "workflow" / "scales").mkdir(parents=True)
    for name in ("params.yaml", "workflow/scales/smoke.yaml", "workflow/scales/full.yaml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    before = (tmp_path / "params.yaml").read_text()
    for name, written in (("smoke", "smoke"), ("full", "full"), ("quick", "quick")):
        assert isthmus("scale", name, cwd=tmp_path).returncode == 0
        assert f"scale: {written}\n" in (tmp_path / "params.yaml").read_text()
    assert (tmp_path / "params.yaml").read_text() == before
