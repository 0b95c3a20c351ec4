from __future__ import annotations

import json

import pytest

from isthmus.metrics.summary import summary
from isthmus.report.pose import error_by_cameras
from isthmus.report.pose_table import columns, pose_table


@pytest.fixture
def runs(tmp_path):
    folder = tmp_path / "evaluate" / "rig"
    folder.mkdir(parents=True)
    metrics = {
        "metapose-s1": {"pmpjpe_2": summary([80.0]), "pck_2": summary([0.5])},
        "metapose-s2": {"pmpjpe_2": summary([40.0, 42.0]), "pmpjpe_4": summary([30.0, 30.0])},
    }
    (folder / "metrics.json").write_text(json.dumps(metrics))
    times = {"metapose-s1": {"seconds": summary([0.002])}}
    (folder / "times.json").write_text(json.dumps(times))
    return tmp_path, metrics


def test_the_table_has_a_cell_for_what_was_measured_and_no_other(runs):
    folder, _ = runs
    assert pose_table(folder, "rig") == {
        "metapose-s1": {"PMPJPE, 2": "80.0", "PCK in %, 2": "50.0", "ms a frame": "2"},
        "metapose-s2": {"PMPJPE, 2": "41.0 ± 1.4", "PMPJPE, 4": "30.0 ± 0.0"},
    }
    assert columns(folder, "rig")[:2] == ["PMPJPE, 2", "PMPJPE, 4"]


def test_errors_are_drawn(runs, tmp_path):
    error_by_cameras(runs[1], tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000
