"""Both engines in one workspace: nothing runs twice, and nothing stale passes for current."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

ALL = [
    "back_to_back@moons",
    "coral@moons",
    "lrmf@moons-gaussian",
    "points@moons",
    "prefit@moons",
]
BEHIND_PREFIT = ["back_to_back@moons", "lrmf@moons-gaussian", "prefit@moons"]
OLD, NEW = "mixture_components: 4", "mixture_components: 3"


def hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((folder / "runs" / "smoke").glob("**/*"))
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(folder).parts)
    }


def test_after_snakemake_neither_engine_has_work_whatever_the_times(project):
    assert project.dvc() == []
    for path in (project.folder / "src").glob("**/*.py"):
        os.utime(path)
    for path in sorted((project.folder / "runs" / "smoke").glob("*/**/*.parquet"), reverse=True):
        os.utime(path)
    assert project.snakemake() == []
    assert project.dvc() == []


def test_after_dvc_on_plain_python_nothing_has_work_and_the_bytes_are_the_same(
    untouched, snaked, tmp_path
):
    project = untouched.copy(tmp_path)
    assert project.plain().dvc() == ALL
    assert project.snakemake() == []
    assert project.dvc() == []
    assert hashes(project.folder) == hashes(snaked.folder)
    # A partial target hands over what is current and no more.
    project.edit("params.yaml", OLD, NEW)
    assert project.snakemake("runs/smoke/align/moons/back-to-back/record.json") == [
        "back_to_back@moons",
        "prefit@moons",
    ]
    assert project.dvc() == ["lrmf@moons-gaussian"]
    assert project.snakemake() == []


def test_a_parameter_changed_there_and_back_is_never_silently_stale(project):
    """Nor do the cores change the bytes: first was one, the second time there are two."""
    first = hashes(project.folder)
    project.edit("params.yaml", OLD, NEW)
    assert project.dvc() == BEHIND_PREFIT
    project.edit("params.yaml", NEW, OLD)
    assert project.snakemake(cores=2) == BEHIND_PREFIT
    assert hashes(project.folder) == first
    assert project.snakemake() == []


def test_another_seed_changes_the_bytes(project):
    name = "runs/smoke/points/moons/test.parquet"
    known = hashes(project.folder)
    project.edit("params.yaml", "seed: 0", "seed: 1")
    assert project.snakemake(name) == ["points@moons"]
    assert hashes(project.folder)[name] != known[name]


@pytest.mark.parametrize("engine", ["snakemake", "dvc"])
def test_a_source_edit_reruns_the_stages_that_import_it(project, engine):
    project.edit("src/isthmus/alignment/coral.py", '"""CORAL', '"""The CORAL')
    assert getattr(project, engine)() == ["coral@moons"]
    other = {"snakemake": project.dvc, "dvc": project.snakemake}[engine]
    assert other() == []


def test_a_stage_run_by_hand_with_other_values_is_noticed(project):
    project.edit("params.yaml", OLD, NEW)
    project.run("python", "-m", "isthmus.stages.prefit", "--scale", "smoke", "--pair", "moons")
    project.edit("params.yaml", NEW, OLD)
    assert "mixture_components" in project.run("isthmus", "explain", "prefit").stdout
    assert project.snakemake("runs/smoke/prefit/moons/record.json") == ["prefit@moons"]
    assert project.dvc() == []


def test_a_damaged_output_is_made_again(project):
    path = project.folder / "runs/smoke/points/moons/test.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    assert project.run("isthmus", "handover").stdout.startswith("Handed over to DVC: 0")
    assert project.snakemake("runs/smoke/points/moons/test.parquet") == ["points@moons"]
    assert path.read_bytes() == whole


def test_only_the_scale_can_be_chosen_on_the_command_line(project):
    done = project.run("snakemake", "-n", "--config", "seed=3", "--", "all", check=False)
    assert done.returncode
    assert "seed" in done.stderr + done.stdout
    record = json.loads((project.folder / "runs/smoke/points/moons/record.json").read_text())
    assert record["parameters"]["seed"] == 0
