"""What git keeps of a run, and how a later run is held against it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from isthmus.errors import InputError
from isthmus.report.claims import load_claims
from isthmus.report.published import differences, publish

ROOT = Path(__file__).parents[2]


def write(root, **entries):
    folder = root / "reports" / "quick"
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{"id": k, "verdict": v[0], "measured": v[1]} for k, v in entries.items()]
    (folder / "scorecard.json").write_text(json.dumps(rows))


@pytest.mark.parametrize(
    ("made", "kept"),
    [
        ("evaluate/moons/clouds.png", "moons-clouds.png"),
        ("evaluate/typeset-digits/classes.png", "typeset-digits-classes.png"),
        ("pose/rig/skeletons.png", "rig-skeletons.png"),
    ],
)
def test_only_judged_claims_and_figures_are_kept(tmp_path, made, kept):
    write(tmp_path, a=("holds", 1.0), b=("not-measured", None))
    figure = tmp_path / "runs/quick" / made
    figure.parent.mkdir(parents=True)
    figure.write_bytes(b"png")
    folder = publish(tmp_path, "quick")
    assert [e["id"] for e in json.loads((folder / "scorecard.json").read_text())] == ["a"]
    assert (folder / kept).read_bytes() == b"png"


def test_a_part_replaces_what_it_measured_and_leaves_the_rest(tmp_path):
    shutil.copy(ROOT / "claims.yaml", tmp_path / "claims.yaml")
    first, second = (claim.id for claim in load_claims(tmp_path / "claims.yaml")[:2])
    write(tmp_path, **{first: ("holds", 7.0), second: ("holds", 8.0), "gone": ("holds", 1.0)})
    folder = publish(tmp_path, "quick")
    with pytest.raises(InputError, match="no measured claim"):
        publish(tmp_path, "quick", part=True)
    claim = load_claims(tmp_path / "claims.yaml")[0]
    metric = tmp_path / claim.metric.file.format(scale="quick")
    metric.parent.mkdir(parents=True)
    tree = 0.25
    for key in reversed(claim.metric.field.split(".")):
        tree = {key: tree}
    metric.write_text(json.dumps(tree))
    publish(tmp_path, "quick", part=True)
    entries = json.loads((folder / "scorecard.json").read_text())
    assert {e["id"]: e["measured"] for e in entries} == {first: 0.25, second: 8.0}


@pytest.mark.parametrize(
    ("then", "now", "count"),
    [
        (("holds", 10.0), ("holds", 10.4), 0),
        (("holds", 10.0), ("holds", 10.6), 1),
        (("holds", 0.0), ("holds", 0.04), 0),
        (("holds", 1.0), ("fails", 1.0), 1),
        (("fails", "nan"), ("fails", "nan"), 0),
    ],
)
def test_a_difference_is_a_verdict_or_a_figure_beyond_the_tolerance(tmp_path, then, now, count):
    write(tmp_path, a=then)
    publish(tmp_path, "quick")
    write(tmp_path, a=now)
    assert len(differences(tmp_path, "quick", 0.05)) == count


def test_what_never_ran_is_named(tmp_path):
    with pytest.raises(InputError, match=r"scorecard\.json"):
        publish(tmp_path, "quick")
