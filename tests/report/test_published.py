"""What git keeps of a run, and how a later run is held against it."""

from __future__ import annotations

import json

import pytest

from isthmus.errors import InputError
from isthmus.report.published import differences, publish


def write(root, **entries):
    folder = root / "reports" / "quick"
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{"id": k, "verdict": v[0], "measured": v[1]} for k, v in entries.items()]
    (folder / "scorecard.json").write_text(json.dumps(rows))


def test_only_judged_claims_and_figures_are_kept(tmp_path):
    write(tmp_path, a=("holds", 1.0), b=("not-measured", None))
    figure = tmp_path / "runs/quick/evaluate/moons/clouds.png"
    figure.parent.mkdir(parents=True)
    figure.write_bytes(b"png")
    folder = publish(tmp_path, "quick")
    assert [e["id"] for e in json.loads((folder / "scorecard.json").read_text())] == ["a"]
    assert (folder / "moons-clouds.png").read_bytes() == b"png"


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
