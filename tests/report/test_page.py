from __future__ import annotations

import json
from pathlib import Path

from isthmus.report.page import pose_table, table, with_contents


def test_the_contents_lead_to_every_part() -> None:
    page = with_contents("<nav></nav><h2>One</h2><p>1</p><h2>Two &amp; three</h2>")
    assert page == (
        '<nav><a href="#part-1">One</a> · <a href="#part-2">Two &amp; three</a></nav>'
        '<h2 id="part-1">One</h2><p>1</p><h2 id="part-2">Two &amp; three</h2>'
    )


def test_a_table_holds_means_and_deviations_over_seeds_of_its_own_rows() -> None:
    rows = [
        {"stage": "evaluate", "pair": "moons", "method": "lrmf", "loss": 0.25, "rate": 50.0},
        {"stage": "evaluate", "pair": "moons", "method": "lrmf", "loss": 0.75, "rate": 70.0},
        {"stage": "evaluate", "pair": "moons", "method": "none", "rate": 99.96},
        {"stage": "evaluate", "pair": "blobs", "method": "lrmf", "loss": 9.0},
        {"stage": "decode", "pair": "moons", "method": "lrmf", "loss": 9.0},
    ]
    assert table(rows, "evaluate", "moons", ("loss", "rate")) == {
        "lrmf": {"loss": "0.500 ± 0.354", "rate": "60.0 ± 14.1"},
        "none": {"rate": "100.0"},
    }


def test_the_table_of_poses_joins_errors_and_times(tmp_path: Path) -> None:
    errors = {"metapose-s1": {"pmpjpe_4": {"values": [70.0, 74.0]}}, "refinement": {}}
    times = {"metapose-s1": {"seconds": {"mean": 0.0005}}}
    (tmp_path / "metrics.json").write_text(json.dumps(errors))
    (tmp_path / "times.json").write_text(json.dumps(times))
    expected = {"PMPJPE (4)": "72.0 ± 2.8", "ms a frame": "0.5"}
    assert pose_table(tmp_path) == {"metapose-s1": expected, "refinement": {}}
