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


def test_after_snakemake_neither_engine_has_work(project):
    assert project.dvc() == []
    assert project.snakemake() == []


def test_after_dvc_neither_engine_has_work_and_the_bytes_are_the_same(untouched, snaked, tmp_path):
    project = untouched.copy(tmp_path)
    assert project.dvc() == ALL
    assert project.snakemake() == []
    assert project.dvc() == []
    assert hashes(project.folder) == hashes(snaked.folder)
    project.edit("params.yaml", OLD, NEW)
    assert project.snakemake() == BEHIND_PREFIT
    assert project.dvc() == []


def test_a_parameter_changed_there_and_back_is_never_silently_stale(project):
    first = hashes(project.folder)
    project.edit("params.yaml", OLD, NEW)
    assert project.dvc() == BEHIND_PREFIT
    project.edit("params.yaml", NEW, OLD)
    assert project.snakemake() == BEHIND_PREFIT
    assert hashes(project.folder) == first
    assert project.snakemake() == []


def test_a_partial_target_hands_over_what_is_current_and_no_more(project):
    project.edit("params.yaml", OLD, NEW)
    assert project.snakemake("runs/smoke/align/moons/back-to-back/record.json") == [
        "back_to_back@moons",
        "prefit@moons",
    ]
    assert project.dvc() == ["lrmf@moons-gaussian"]
    assert project.snakemake() == []


@pytest.mark.parametrize("engine", ["snakemake", "dvc"])
def test_a_source_edit_reruns_the_stages_that_import_it(project, engine):
    project.edit("src/isthmus/alignment/coral.py", '"""CORAL', '"""The CORAL')
    assert getattr(project, engine)() == ["coral@moons"]
    other = {"snakemake": project.dvc, "dvc": project.snakemake}[engine]
    assert other() == []


def test_new_times_without_new_content_rerun_nothing(project):
    for path in (project.folder / "src").glob("**/*.py"):
        os.utime(path)
    for path in sorted((project.folder / "runs" / "smoke").glob("*/**/*.parquet"), reverse=True):
        os.utime(path)
    assert project.snakemake() == []
    assert project.dvc() == []


def test_a_stage_run_by_hand_with_other_values_is_noticed(project):
    project.edit("params.yaml", OLD, NEW)
    project.run("python", "-m", "isthmus.stages.prefit", "--scale", "smoke", "--pair", "moons")
    project.edit("params.yaml", NEW, OLD)
    assert "mixture_components" in project.run("isthmus", "explain", "prefit").stdout
    assert "prefit@moons" in project.snakemake()
    assert project.dvc() == []


def test_a_damaged_output_is_made_again(project):
    path = project.folder / "runs/smoke/points/moons/test.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    assert project.run("isthmus", "handover").stdout.startswith("Handed over to DVC: 0")
    assert "points@moons" in project.snakemake()
    assert path.read_bytes() == whole


def test_cores_do_not_change_the_bytes_and_another_seed_does(snaked, untouched, tmp_path):
    one = untouched.copy(tmp_path / "one")
    one.run("snakemake", "--cores", "1", "--", "runs/smoke/align/moons/lrmf-gaussian/record.json")
    made, known = hashes(one.folder), hashes(snaked.folder)
    assert made == {path: known[path] for path in made}
    one.edit("params.yaml", "seed: 0", "seed: 1")
    one.snakemake("runs/smoke/align/moons/lrmf-gaussian/record.json")
    name = "runs/smoke/align/moons/lrmf-gaussian/aligned.parquet"
    assert hashes(one.folder)[name] != known[name]


def test_only_the_scale_can_be_chosen_on_the_command_line(project):
    done = project.run("snakemake", "-n", "--config", "seed=3", "--", "all", check=False)
    assert done.returncode
    assert "seed" in done.stderr + done.stdout
    record = json.loads((project.folder / "runs/smoke/points/moons/record.json").read_text())
    assert record["parameters"]["seed"] == 0
