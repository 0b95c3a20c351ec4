"""The user's own frames: what comes out, and what is refused or marked."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.stats import special_ortho_group

from isthmus.cli import app
from isthmus.data.view_noise import rig
from isthmus.data.views import Views, write_views
from isthmus.errors import InputError
from isthmus.metrics.pose import pmpjpe
from isthmus.pose import lifter, solutions
from isthmus.pose.learned import Training
from isthmus.pose.solutions import METHODS, solve, widest_angle


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Trainings of a few steps."""
    monkeypatch.setattr(lifter.fit, "__kwdefaults__", {**lifter.fit.__kwdefaults__, "steps": 20})
    tiny = Training(
        width=8, blocks=1, epochs=1, batch_size=32, learning_rate=1e-3, stages=1, attempts=1
    )
    monkeypatch.setattr(solutions, "TRAINING", tiny)


@pytest.fixture(scope="module")
def frames():
    return rig("rig", 140, test=False, seed=3)


def hidden(views: Views, *places) -> Views:
    """The frames with joints not seen at these places `(frame, camera, joint)`."""
    seen = views.seen.copy()
    for place in places:
        seen[place] = False
    views = views.take(slice(None))
    object.__setattr__(views, "seen", seen)
    return views


@pytest.mark.parametrize("method", METHODS)
def test_every_method_answers_with_poses_and_cameras(frames, method):
    few = frames if method == "s2" else frames.take(slice(1) if method == "ba" else slice(3))
    found = solve(few, method)
    assert found.poses.shape == (len(few), 17, 3)
    assert np.isfinite(found.poses).all()
    assert np.allclose(found.rotations[:, 0], np.eye(3))
    assert np.linalg.det(found.rotations) == pytest.approx(1)
    assert (found.scales[:, 0] == 1).all()
    assert not any(found.doubts)
    if method in ("s1", "ir"):
        assert np.median(pmpjpe(found.poses, few.pose)) < 90


def test_answers_do_not_depend_on_the_order_of_the_other_cameras(frames):
    few = frames.take(slice(4))
    plain, mixed = solve(few, "ir"), solve(few.choose([0, 3, 1, 2]), "ir")
    assert mixed.poses == pytest.approx(plain.poses, abs=1e-6)
    assert mixed.rotations == pytest.approx(plain.rotations[:, [0, 3, 1, 2]], abs=1e-6)


def test_a_camera_that_sees_nothing_is_left_out_and_others_solve(frames):
    few = hidden(frames.take(slice(4)), (1, 2), (2, slice(1, 4)), (3,))
    found = solve(few, "s1")
    assert not found.doubts[0]
    assert not found.doubts[1]
    assert np.isnan(found.rotations[1, 2]).all()
    alone = solve(few.take([1]).choose([0, 1, 3]), "s1")
    assert found.poses[1] == pytest.approx(alone.poses[0])
    for lost in (2, 3):
        assert "fewer than two cameras" in found.doubts[lost]
        assert np.isnan(found.poses[lost]).all()


def test_a_joint_that_one_camera_sees_is_marked_and_not_invented(frames):
    found = solve(hidden(frames.take(slice(2)), (0, slice(1, 4), 5)), "s1")
    assert "joints 5" in found.doubts[0]
    assert np.isnan(found.poses[0, 5]).all()
    assert np.isfinite(np.delete(found.poses[0], 5, 0)).all()
    assert not found.doubts[1]


def test_views_along_one_line_are_marked(frames):
    found = solve(frames.take(slice(3)).choose([0, 0]), "s1")
    assert all("one line" in doubt for doubt in found.doubts)


def test_the_widest_angle_is_between_lines():
    turn = special_ortho_group.rvs(3, random_state=0)
    opposite = np.diag([-1.0, 1, -1])
    quarter = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    for second, angle in ((np.eye(3), 0), (opposite, 0), (quarter, 90)):
        pair = np.stack([np.eye(3), second])
        assert widest_angle((turn @ pair)[None]) == pytest.approx(angle, abs=1e-5)


def test_mirrored_monocular_poses_are_marked(frames):
    few = frames.take(slice(2))
    flipped = few.monocular.copy()
    flipped[1, 2, :, 2] *= -1
    found = solve(few.with_monocular(flipped), "s1")
    assert not found.doubts[0]
    assert "mirror" in found.doubts[1]


def test_without_monocular_poses_they_are_learnt_from_the_frames(frames):
    object.__setattr__(bare := frames.take(slice(80)), "monocular", None)
    found = solve(bare, "s1")
    assert np.isfinite(found.poses).all()
    assert "learnt" in found.notes[0]
    object.__setattr__(fewer := frames.take(slice(10)), "monocular", None)
    with pytest.raises(InputError, match="too few"):
        solve(fewer, "s1")


def test_two_cameras_are_warned_of(frames):
    found = solve(frames.take(slice(2)).choose([0, 1]), "ir")
    assert any("family" in note for note in found.notes)


@pytest.mark.parametrize(
    ("spoil", "method", "said"),
    [
        (lambda v: v.choose([1]), "s1", "one camera"),
        (lambda v: hidden(v, (slice(None), slice(None), 7)), "s1", "joint 7 is never seen"),
        (lambda v: hidden(v, (slice(None), slice(1, 4))), "s1", "no frame"),
        (lambda v: v.with_monocular(v.monocular * np.nan), "ir", "NaN"),
    ],
)
def test_what_cannot_be_solved_is_refused(frames, spoil, method, said):
    with pytest.raises(InputError, match=said):
        solve(spoil(frames.take(slice(3))), method)


def test_bundle_adjustment_needs_cameras_to_begin_with(frames):
    object.__setattr__(bare := frames.take(slice(2)), "truth", None)
    with pytest.raises(InputError, match="begin with"):
        solve(bare, "ba")


def call(monkeypatch, capsys, *arguments):
    monkeypatch.setattr("sys.argv", ["isthmus", "pose", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        app()
    return end.value.code or 0, capsys.readouterr()


def test_the_command_writes_poses_and_a_picture(frames, tmp_path, monkeypatch, capsys):
    write_views(hidden(frames.take(slice(6)), (0,)), tmp_path / "seen.parquet")
    out = tmp_path / "poses.parquet"
    code, said = call(
        monkeypatch, capsys, tmp_path / "seen.parquet", "--method", "ir", "--out", out
    )
    assert code == 0, said.err
    assert "6 frames" in said.out
    assert "1 doubtful" in said.out
    table = pq.read_table(out)
    assert table.num_rows == 6
    assert table["frame"].to_pylist() == [f"{i:06d}" for i in range(6)]
    assert table["doubt"].to_pylist()[0]
    assert len(table["pose"][1].as_py()) == 51
    assert out.with_suffix(".png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--method", "s3", "--out", "x.parquet"), "there is no 's3'"),
        (("--method", "ir", "--out", "x.csv"), "unknown kind of file"),
        (("--method", "ir", "--out", "x.parquet", "--model", "m"), "takes none"),
        (("--method", "s2", "--out", "x.parquet", "--model", "m"), "model.json"),
        (("--method", "ir", "--out", "x.parquet"), "missing"),
    ],
)
def test_unusable_arguments_end_in_one_line(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    code, printed = call(monkeypatch, capsys, "none.parquet", *arguments)
    assert code == 2
    assert said in printed.err
    assert printed.err.count("\n") == 1
