"""The whole pipeline at scale smoke: every stage runs, reads what it declares, and is tracked."""

from __future__ import annotations

import json

import pytest

from isthmus import record


@pytest.fixture(scope="module")
def whole(untouched, tmp_path_factory):
    """A project in which the whole pipeline has run once, in Snakemake."""
    project = untouched.copy(tmp_path_factory.mktemp("whole"))
    project.run("snakemake", "--cores", "2")
    return project


def test_the_whole_pipeline_is_handed_over_and_tracked(whole):
    before = whole._times()
    done = whole.run("dvc", "status")
    assert "up to date" in done.stdout
    whole.run("snakemake", "--cores", "8")
    assert whole._executed(before) == []
    tracked = json.loads((whole.folder / "runs/smoke/track/tracked.json").read_text())
    assert "lrmf@digits-realnvp" in tracked
    assert whole.run("isthmus", "track").stdout.count("failed=0") == 1


def test_every_stage_read_no_more_than_it_declares(whole):
    declared = {}
    from dvc.repo import Repo

    with Repo(str(whole.folder)) as repo:
        for stage in repo.index.stages:
            declared[stage.name] = {d.def_path for d in stage.deps}
    found = record.find(whole.folder, "smoke")
    assert len(found) == len(declared)
    for path in found:
        made = record.read(path)
        for file in (*made.inputs, *made.code):
            parts = file.split("/")
            folders = {"/".join(parts[:i]) for i in range(1, len(parts) + 1)}
            assert folders & declared[made.key], (made.key, file)


def test_the_report_is_one_page_and_the_scorecard_judges_nothing_at_smoke(whole):
    page = (whole.folder / "reports/smoke/index.html").read_text()
    assert "<img" in page
    assert 'src="data:image/png;base64,' in page
    assert 'src="http' not in page
    assert 'href="http://127.0.0.1' in page
    entries = json.loads((whole.folder / "reports/smoke/scorecard.json").read_text())
    assert {entry["verdict"] for entry in entries} == {"not-measured"}
    rows = json.loads((whole.folder / "reports/smoke/results.json").read_text())
    assert all(row["execution"]["hardware"]["cores"] for row in rows)
    assert {row["method"] for row in rows} >= {"none", "coral", "back-to-back", "lrmf-realnvp"}


def test_snakemakes_own_report_holds_every_figure(whole):
    whole.run("snakemake", "--report", "report.html")
    text = (whole.folder / "report.html").read_text()
    assert text.count("digits.png") >= 1
    for pair in ("moons", "blobs", "digits"):
        assert f"evaluate/{pair}/clouds.png" in text
