"""The user's own frames: what comes out, and what is refused or marked."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.stats import special_ortho_group
from torch import nn

from isthmus.cli import app
from isthmus.data import skeletons
from isthmus.data.cameras import Cameras, looking
from isthmus.data.view_noise import heat_maps, monocular, rig
from isthmus.data.views import (
    Views,
    mixtures_of_points,
    read_views,
    square_boxes,
    write_views,
)
from isthmus.errors import InputError
from isthmus.metrics.pose import pmpjpe
from isthmus.pose import learned, lifter, solutions, trial
from isthmus.pose.learned import Training, Variant
from isthmus.pose.solutions import METHODS, against_truth, solve, widest_angle

WORSE = "s2 makes it worse, so this is s1's solution"


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
    assert not any(doubt.replace(WORSE, "") for doubt in found.doubts)
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


def along_a_line(degrees, *, opposite=False, count=40):
    """Two cameras so far apart as seen from the body, each with noise of its own."""
    found = skeletons.poses(count, range(2), "everyday", seed=0)
    middle = found.joints.mean(1, keepdims=True)
    azimuth = np.deg2rad([0, degrees + 180 * opposite])
    aside = np.stack([np.cos(azimuth), np.sin(azimuth), [0.1, 0.1]], -1)
    centre = middle + 5000 * aside
    intrinsics = np.tile([1147.0, 1147, 512, 505], (count, 2, 1))
    truth = Cameras(looking(centre, middle), centre, intrinsics, np.zeros((count, 2, 5)))
    pixels, rng = truth.project(found.joints), np.random.default_rng(1)
    boxes = square_boxes(pixels)
    labels = (pixels - boxes[:, :, None, :2]) / boxes[:, :, None, 2:]
    return Views(
        frames=np.arange(count),
        cameras=("0", "1"),
        boxes=boxes,
        mixtures=heat_maps(labels, rng),
        seen=np.ones(labels.shape[:-1], bool),
        monocular=monocular(found.joints, truth, boxes, rng),
    )


@pytest.mark.parametrize("opposite", [False, True])
@pytest.mark.parametrize("degrees", [0, 6, 12])
@pytest.mark.parametrize("method", ["s1", "ir"])
def test_views_nearly_along_one_line_are_marked_though_their_noise_differs(
    degrees, opposite, method
):
    found = solve(along_a_line(degrees, opposite=opposite), method)
    assert np.mean(["one line" in doubt for doubt in found.doubts]) > 0.7


def test_the_usual_frames_of_the_rig_are_not_marked(frames):
    assert not any(solve(frames, "s1").doubts)


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


def test_errors_against_the_truth_are_those_of_the_trial(frames):
    frames = frames.take(slice(12))
    found = against_truth(solve(frames, "ir"), frames)
    wanted = trial.errors(trial.refinements(frames)["refinement"], frames)
    for line, name in zip(found, ("pmpjpe", "nmpjpe"), strict=True):
        assert f"of {len(frames)} frames: mean {wanted[name]:.1f} mm" in line
        assert f"median {wanted[f'{name}_median']:.1f} mm" in line
    assert against_truth(solve(frames, "s1"), replace(frames, pose=None, truth=None)) == []


def test_a_frame_that_lacks_a_row_or_a_truth_is_judged_where_it_can_be(frames, tmp_path):
    import pandas as pd

    path = tmp_path / "views.parquet"
    write_views(frames.take(slice(4)), path)
    rows = pd.read_parquet(path)
    rows.drop(index=0).to_parquet(path)  # camera 0 of the first frame
    views = read_views(path)
    assert np.array_equal(views.pose, frames.take(slice(4)).pose)
    assert "of 4 frames" in against_truth(solve(views, "ir"), views)[1]
    unknown = views.pose.copy()
    unknown[2] = np.nan
    lines = against_truth(solve(views, "ir"), replace(views, pose=unknown))
    assert "of 3 frames" in lines[0] and "nan" not in lines[0]


def test_errors_are_judged_in_the_first_camera_that_sees_the_frame(frames):
    frames = frames.take(slice(12))
    solved = solve(hidden(frames, (slice(None), 0)), "ir")
    others = frames.choose([1, 2, 3])
    wanted = trial.errors(trial.refinements(others)["refinement"], others)
    lines = against_truth(solved, hidden(frames, (slice(None), 0)))
    assert f"mean {wanted['nmpjpe']:.1f} mm" in lines[1]


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
    assert all("family" in doubt for doubt in found.doubts)


@pytest.mark.parametrize(("method", "warned"), [("ir", True), ("ba", True), ("s1", False)])
def test_a_frame_that_two_of_four_cameras_see_is_marked(frames, method, warned):
    found = solve(hidden(frames.take(slice(2)), (1, slice(2, 4))), method)
    assert "family" not in found.doubts[0]
    assert ("family" in found.doubts[1]) == warned


def in_millimetres(views):
    return views.with_monocular(views.monocular * 1700)


def anywhere(views):
    mixtures = views.mixtures.copy()
    mixtures[..., 1:3] = np.random.default_rng(0).uniform(0, 1, (*views.seen.shape, 1, 2))
    return replace(views, mixtures=mixtures)


@pytest.mark.parametrize("method", ["s1", "ir"])
@pytest.mark.parametrize("spoil", [in_millimetres, anywhere])
def test_a_solution_far_from_the_points_is_marked(frames, spoil, method):
    found = solve(spoil(frames.take(slice(4))), method)
    assert all("pixels from the solution" in doubt for doubt in found.doubts)


def test_a_view_whose_joints_are_all_in_one_place_is_left_out(frames):
    few = frames.take(slice(3))
    mixtures = few.mixtures.copy()
    mixtures[1, 2, :, :, 1:3] = 0.3
    found = solve(replace(few, mixtures=mixtures), "s1")
    assert np.isnan(found.rotations[1, 2]).all()
    assert found.poses[1] == pytest.approx(solve(few.choose([0, 1, 3]), "s1").poses[1])


@pytest.fixture(scope="module")
def model(frames):
    """A trained stage of the frames' own heat-maps."""
    tiny = Training(
        width=16, blocks=1, epochs=2, batch_size=32, learning_rate=1e-3, stages=1, attempts=1
    )
    variant = Variant("likelihood")
    trained = learned.train(trial.lesson(frames, variant), variant, tiny, seed=0)
    return nn.ModuleList(trained.stages)


def test_a_model_of_other_heat_maps_is_refused(frames, model):
    few = frames.take(slice(8))
    solve(few, "s2", stages=model)
    points = mixtures_of_points(few.points, np.ones(few.seen.shape))
    with pytest.raises(InputError, match="--model: was trained on other heat-maps"):
        solve(replace(few, mixtures=points), "s2", stages=model)


@pytest.mark.parametrize("size", [0.0, 0.5])
def test_where_s2_makes_it_worse_the_start_is_kept_and_marked(frames, model, size):
    few, harmful = frames.take(slice(8)), deepcopy(model)
    nn.init.zeros_(harmful[0].decode[-1].weight)
    nn.init.constant_(harmful[0].decode[-1].bias, size)
    harmful[0].turn.weight.data.zero_()
    harmful[0].turn.bias.data.fill_(size)
    found, start = solve(few, "s2", stages=harmful), solve(few, "s1")
    assert found.poses == pytest.approx(start.poses, abs=1e-2)
    assert [doubt == WORSE for doubt in found.doubts] == [size > 0] * 8


def test_answers_of_s2_do_not_depend_on_the_order_of_the_other_cameras(frames, model):
    few = frames.take(slice(4))
    plain, mixed = (solve(each, "s2", stages=model) for each in (few, few.choose([0, 3, 1, 2])))
    assert mixed.poses == pytest.approx(plain.poses, abs=1e-3)
    assert mixed.rotations == pytest.approx(plain.rotations[:, [0, 3, 1, 2]], abs=1e-4)


def test_a_joint_that_one_view_sees_leaves_the_others_of_bundle_adjustment_alone(
    frames, monkeypatch
):
    kind = trial.BUNDLES["bundle-fixed"]
    monkeypatch.setitem(trial.BUNDLES, "anipose", kind)
    few, rest = frames.take(slice(2)), np.delete(np.arange(17), 5)
    lacking = hidden(few, (0, slice(1, 4), 5))
    adjusted = trial.adjusted(lacking, kind, 0)
    assert np.isnan(adjusted.pose[0, 5]).all()
    assert trial.errors(adjusted, few)["pmpjpe"] < 150
    whole, found = solve(few, "ba"), solve(lacking, "ba")
    assert np.isnan(found.poses[0, 5]).all()
    assert found.errors[0] < 1.3 * whole.errors[0]
    errors = [pmpjpe(each.poses[:1, rest], few.pose[:1, rest])[0] for each in (whole, found)]
    assert errors[1] < errors[0] + 30


@pytest.mark.parametrize(
    ("spoil", "method", "said"),
    [
        (lambda v: v.choose([1]), "s1", "one camera"),
        (lambda v: hidden(v, (slice(None), slice(None), 7)), "s1", "joint 7 is never seen"),
        (lambda v: hidden(v, (slice(None), slice(1, 4))), "s1", "no frame"),
        (lambda v: v.with_monocular(v.monocular * np.nan), "ir", "frame 000000, camera 0: .*NaN"),
        (lambda v: v, "s2", "3 frames that all cameras see are too few .* --model"),
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


def test_the_observations_are_not_overwritten(frames, tmp_path, monkeypatch, capsys):
    path = tmp_path / "views.parquet"
    write_views(frames.take(slice(2)), path)
    before = path.read_bytes()
    code, printed = call(monkeypatch, capsys, path, "--method", "s1", "--out", path)
    assert code == 2 and "is one of the inputs" in printed.err and path.read_bytes() == before


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
